"""What a signal probably is: rules over words and units, the first that fits counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hil.errors import UnitError
from hil.frames.database import Message, Signal
from hil.new.words import words_of
from hil.units import value_of

_KINDS = {
    "V": "voltage",
    "A": "current",
    "degC": "temperature",
    "Ohm": "resistance",
    "Nm": "torque",
    "rpm": "speed",
}


@dataclass(frozen=True)
class Rule:
    """When a signal is meant.

    Attributes:
        target: Port or role; one that ends with ``[*]`` takes many, by the number in their names.
        needs: Words that signal and message must have together; a word with ``|`` stands for either.
        own: Of these the signal's own name must have one; empty: no matter.
        unit: Kind of its unit, ``"flag"`` for a single bit, empty for any.
        without: Words that neither may have.
        never: Words that the signal's own name may not have.
    """

    target: str
    needs: str
    own: str = ""
    unit: str = ""
    without: str = ""
    never: str = ""

    def fits(self, signal: Signal, said: frozenset[str], own: frozenset[str], place: frozenset[str]) -> bool:
        """Whether a signal is meant.

        Args:
            signal: The signal.
            said: Words of signal and message.
            own: Words of the signal.
            place: Words of signal, message and sender: where it comes from.
        """
        needed = all(set(word.split("|")) & place for word in self.needs.split())
        named = not self.own or set(self.own.split("|")) & own
        barred = set(self.without.split()) & said or set(self.never.split()) & own
        return bool(needed and named and not barred and self.unit in ("", kind_of(signal)))


def kind_of(signal: Signal) -> str:
    """The kind of a signal's unit, which is guessed where it has none; ``"flag"`` for one bit."""
    if signal.length == 1:
        return "flag"
    said = signal.unit or guessed_unit(signal)
    for unit, kind in _KINDS.items():
        if said == unit:
            return kind
    for kind in ("voltage", "current", "temperature", "resistance"):
        try:
            value_of(f"1 {said}", kind)
        except UnitError:
            continue
        return kind
    return ""


def guessed_unit(signal: Signal) -> str:
    """What a signal without a unit is probably in, by its name, its range and its steps; empty: no idea."""
    own = words_of(signal.name)
    if signal.unit or signal.length < _SHORT or signal.choices or own & _NO_QUANTITY:
        return ""
    coarse = not signal.is_float and signal.scale >= 1.0 and signal.maximum >= _MILLI
    for word, plain, small in _GUESSED:
        if word in own:
            return small if coarse and small else plain
    return ""


_SHORT = 6  # bits: fewer are a state or a code
_MILLI = 2000.0  # volts or amperes that no battery has, in steps of one
_NO_QUANTITY = frozenset(
    ("state", "fault", "warning", "valid", "mode", "count", "counter", "number", "index", "id", "sensor")
)
_GUESSED = (
    ("temperature", "degC", ""),
    ("voltage", "V", "mV"),
    ("current", "A", "mA"),
    ("isolation", "kOhm", ""),
)


_SHUNT = "charger inverter limit cell"

# from the other nodes to the BMS: what the twins show
PORTS = (
    Rule("charger.voltage", "charger|charge voltage", "voltage", "voltage", "limit cell pack"),
    Rule("charger.current", "charger|charge current", "current", "current", "limit cell pack"),
    Rule("charger.hardware_failure", "charger|charge", "hardware|hw", "flag"),
    Rule("charger.over_temperature", "charger|charge over temperature", "temperature", "flag"),
    Rule("charger.input_voltage_wrong", "charger|charge", "input|mains|ac", "flag"),
    Rule("charger.no_battery", "charger|charge pack", "pack|reverse", "flag"),
    Rule("charger.communication_timeout", "charger|charge", "communication|timeout|comm", "flag"),
    Rule("drive.dc_voltage", "inverter voltage", "voltage", "voltage"),
    Rule("drive.dc_current", "inverter current", "current", "current"),
    Rule("drive.torque", "inverter torque", "torque", "torque", "command limit"),
    Rule("drive.speed", "inverter speed", "speed", "speed", "command limit"),
    Rule("drive.motor_temperature", "temperature motor", "motor", "temperature"),
    Rule("drive.inverter_temperature", "inverter temperature", "inverter|module|igbt", "temperature"),
    Rule("drive.state", "inverter state", "state", "", "limit"),
    Rule("cell_monitor.state", "cm|cmu|monitor|slave|afe state", "state", "", "voltage temperature"),
    Rule(
        "cell_monitor.voltage[*]", "cell", "", "voltage", "minimum limit mean pack sum charger inverter link"
    ),
    Rule("cell_monitor.board_temperature", "board|pcb|slave temperature", "temperature", "temperature"),
    Rule("current_sensor.temperature", "shunt temperature", "", "temperature"),
    Rule(
        "cell_monitor.temperature[*]", "temperature", "", "temperature", "charger inverter limit mean minimum"
    ),
    Rule("cell_monitor.open_wire_tap", "open wire tap|index|cell", "tap|index|number"),
    Rule("cell_monitor.balancing_cells", "balancing", "balancing", "", "command"),
    Rule("cell_monitor.open_wire", "open wire", "wire", "flag"),
    Rule("current_sensor.over_current", "over current", "current", "flag", _SHUNT),
    Rule("current_sensor.link_error", "shunt voltage 2 fault", "fault|channel", "flag", "any system"),
    Rule("current_sensor.pack_error", "shunt voltage 1 fault", "fault|channel", "flag", "any system"),
    Rule("current_sensor.channel_error", "current fault", "fault|channel", "flag", f"any system {_SHUNT}"),
    Rule("current_sensor.voltage_link", "voltage link|2", "", "voltage", _SHUNT),
    Rule("current_sensor.voltage_pack", "voltage pack|1|shunt", "", "voltage", _SHUNT),
    Rule("current_sensor.current", "current", "", "current", _SHUNT),
    Rule("contactor.main_plus.feedback", "plus", "plus", "flag", "isolation precharge command"),
    Rule("contactor.main_minus.feedback", "minus", "minus", "flag", "isolation precharge command"),
    Rule("contactor.precharge.feedback", "precharge", "precharge", "flag", "command"),
    Rule("interlock.closed", "interlock", "interlock", "flag"),
    Rule("isolation.plus", "isolation plus", "", "resistance"),
    Rule("isolation.minus", "isolation minus", "", "resistance"),
    Rule("isolation.valid", "isolation valid", "valid", "flag"),
)

# from the BMS: what the twins obey
COMMANDS = (
    Rule("contactor.main_plus.command", "contactor plus", "plus", "", "isolation fault warning feedback"),
    Rule("contactor.main_minus.command", "contactor minus", "minus", "", "isolation fault warning feedback"),
    Rule(
        "contactor.precharge.command", "contactor precharge", "precharge", "", "fault warning feedback state"
    ),
    Rule("contactor.precharge.command", "precharge command", "command", "flag", "fault warning feedback"),
    Rule("charger.voltage_max", "charger voltage", "voltage", "voltage", "fault warning"),
    Rule("charger.current_max", "charger current", "current", "current", "fault warning"),
    Rule("charger.control", "charger", "command|enable", "", "fault warning voltage current"),
    Rule("cell_monitor.balance[*]", "balancing cell", "cell", "flag", "fault warning"),
)

# what the vehicle asks
REQUESTS = (
    Rule("reset", "reset", "reset", "flag"),
    Rule("crash", "crash", "crash", "flag"),
    Rule("drive.enable", "inverter|drive enable", "enable", "flag"),
    Rule("drive.torque_request", "torque command", "torque", "", "limit feedback"),
)

# from the BMS: what the suite looks at
ROLES = (
    Rule("fault.crash", "crash", "crash", "flag"),
    Rule("warning.temperature_spread", "temperature spread", "spread", "flag"),
    Rule("warning.temperature_rise", "temperature rise", "rise", "flag"),
    Rule("alarm.thermal_runaway", "thermal runaway", "runaway", "flag"),
    Rule("cooling", "cooling", "cooling", "flag", never="fault warning sensor"),
    Rule("measured.isolation_plus", "isolation plus", "", "resistance"),
    Rule("measured.isolation_minus", "isolation minus", "", "resistance"),
    Rule("estimated.pack_voltage", "estimated voltage", "estimated", "voltage", "cell"),
    Rule("cell.voltage_min", "cell minimum voltage", "minimum", "voltage"),
    Rule("cell.voltage_max", "cell limit voltage", "limit", "voltage"),
    Rule("cell.temperature_min_sensor", "temperature minimum sensor|number|index|id", "minimum", "", "degC"),
    Rule("cell.temperature_max_sensor", "temperature limit sensor|number|index|id", "limit", "", "degC"),
    Rule("dtc.entry", "dtc", "entry"),
    Rule("dtc.count", "dtc", "count"),
    Rule("dtc.code", "dtc", "code"),
    Rule("dtc.occurrences", "dtc", "occurrences|occurrence"),
    Rule("dtc.first_seen", "dtc first", "first"),
    Rule("first_fault", "first fault", "first"),
    Rule("charge_complete", "charge complete|full|done", "complete|full|done", "flag"),
    Rule("derating", "derating", "derating", "flag", never="fault warning"),
    Rule("warning", "warning", "warning", "flag"),
    Rule("fault", "fault", "fault", "flag"),
    Rule("balancing[*]", "balancing cell", "cell", "flag"),
    Rule("balancing_active", "balancing", "balancing", "flag"),
    Rule("uptime", "uptime", "uptime"),
    Rule("soc", "soc", "soc", "", "ah wh capacity fault warning"),
    Rule("limit.discharge_current", "limit discharge current", "", "current"),
    Rule("limit.charge_current", "limit charge current", "", "current", "charger discharge"),
    Rule("cell.voltage_min_cell", "cell minimum", "minimum", "", "temperature discharge"),
    Rule("cell.voltage_max_cell", "cell limit", "limit", "", "temperature discharge charge current"),
    Rule("cell.temperature_min", "temperature minimum", "minimum", "temperature"),
    Rule("cell.temperature_max", "temperature limit", "limit", "temperature"),
    Rule("cell.temperature_mean", "temperature mean", "mean", "temperature"),
    Rule("cell.voltage[*]", "cell", "", "voltage", "limit minimum mean pack"),
    Rule("cell.temperature[*]", "temperature", "", "temperature", "limit minimum mean board"),
    Rule("measured.link_voltage", "link voltage", "link", "voltage", "limit cell"),
    Rule(
        "measured.pack_voltage", "voltage", "pack|sum|voltage", "voltage", "limit cell link charger minimum"
    ),
    Rule("measured.current", "current", "current", "current", "limit charger charge discharge"),
    Rule("charger.voltage", "charger voltage", "voltage", "voltage"),
    Rule("charger.current", "charger current", "current", "current"),
)

# faults and warnings by the words of their flag; the more words, the earlier
FAULTS: Mapping[str, str] = {
    "overtemperature_discharge": "over temperature discharge",
    "overtemperature_charge": "over temperature charge",
    "undertemperature_discharge": "under temperature discharge",
    "undertemperature_charge": "under temperature charge",
    "overcurrent_discharge": "over current discharge",
    "overcurrent_charge": "over current charge",
    "pack_overvoltage": "pack over voltage",
    "pack_undervoltage": "pack under voltage",
    "cell_overvoltage": "over voltage",
    "cell_undervoltage": "under voltage",
    "deep_discharge": "deep discharge",
    "contactor_weld": "weld",
    "contactor_feedback": "contactor feedback",
    "voltage_plausibility": "voltage plausibility",
    "temperature_sensor": "temperature sensor",
    "current_sensor": "current sensor",
    "cell_sensor": "cell sensor",
    "precharge": "precharge",
    "interlock": "interlock",
    "isolation": "isolation",
    "frame_timeout": "timeout",
    "charger": "charger",
    "e2e": "e2e|crc",
    "internal": "internal",
}


def match(rules: tuple[Rule, ...], message: Message, signal: Signal) -> str | None:
    """The target of the first rule that fits."""
    own = words_of(signal.name)
    said = own | words_of(message.name)
    place = said.union(*(words_of(sender) for sender in message.senders))
    return next((rule.target for rule in rules if rule.fits(signal, said, own, place)), None)


def fault_of(signal: Signal) -> str | None:
    """The limit whose fault or warning a flag's name means."""
    own = words_of(signal.name)
    for name, needs in FAULTS.items():
        if all(set(word.split("|")) & own for word in needs.split()):
            return name
    return None
