"""The vehicle of GB/T 27930-2015: what a BMS, or the charge controller beside it, says to a station.

It stands in where the BMS under test does not speak GB/T itself, and it is what the station of this
package is tested against. What it says of the battery it reads from the twin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum

from hil.bell import Steps
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.nodes.gbt27930.side import Late, PeerError, Say, Side, State, Stop, Unplugged
from hil.nodes.gbt27930.times import (
    CONSTANT_CURRENT,
    CONSTANT_VOLTAGE,
    LARGEST_A,
    NOT_YET,
    READY,
    YES,
    VehicleTimes,
)
from hil.nodes.speaker import Speaker
from twins.port import Port

_VIN = "HIL00000000000000"  # nobody's
_LFP = 3.0
_CYCLE_NS = 100 * NS_PER_MS  # how often a BMS looks at its cells


@dataclass(frozen=True)
class Wishes:
    """What the vehicle wants.

    Attributes:
        max_V: Highest voltage of the pack, and where constant voltage holds it.
        max_cell_V: Highest voltage of a cell: the charge ends there.
        max_A: Highest charge current.
        end_A: At constant voltage the pack is full below this current.
        end_soc: Or at this state of charge.
        max_degC: Highest temperature of a cell.
        capacity_Ah: Of the pack.
        nominal_V: Of the pack.
    """

    max_V: float
    max_cell_V: float
    max_A: float
    end_A: float
    capacity_Ah: float
    nominal_V: float
    end_soc: float = 1.0
    max_degC: float = 55.0
    restarts: int = 3
    times: VehicleTimes = field(default_factory=VehicleTimes)


class Battery:
    """The pack as its controller sees it: by its sensors; what they do not have is left out.

    Args:
        ports: The twins' ports.
        clock: The one time line.
    """

    def __init__(self, ports: Mapping[str, Port], clock: VirtualClock) -> None:
        self._ports = ports
        self._clock = clock
        self._volts = _array(ports, "cell_monitor.voltage")
        self._warmth = _array(ports, "cell_monitor.temperature")
        self._read_ns = -_CYCLE_NS
        self._extremes: dict[str, tuple[float, int]] = {}

    def extremes(self) -> dict[str, tuple[float, int]]:
        """Value and number (from 1) of the highest and lowest cell, and of the warmest and coldest."""
        if self._clock.now_ns - self._read_ns >= _CYCLE_NS:
            self._read_ns = self._clock.now_ns
            self._extremes = {
                "max_V": _place(self._volts, max),
                "min_V": _place(self._volts, min),
                "max_degC": _place(self._warmth, max),
                "min_degC": _place(self._warmth, min),
            }
        return self._extremes

    @property
    def max_V(self) -> float:
        """Highest cell voltage."""
        return self.extremes()["max_V"][0]

    @property
    def max_degC(self) -> float:
        """Highest temperature."""
        return self.extremes()["max_degC"][0]

    @property
    def plugged(self) -> bool:
        """Whether the connector is in."""
        return self._ports["charger.plugged"].value >= 0.5

    @property
    def voltage_V(self) -> float:
        """Of the pack."""
        return self._ports["current_sensor.voltage_pack"].value

    @property
    def current_A(self) -> float:
        """Charge current, > 0 charges."""
        return -self._ports["current_sensor.current"].value

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1: the true one, as a BMS that is never wrong would have it."""
        return self._ports["pack.soc"].value


def _array(ports: Mapping[str, Port], name: str) -> list[Port]:
    count = sum(port.startswith(f"{name}[") for port in ports)
    return [ports[f"{name}[{number}]"] for number in range(1, count + 1)]


def _place(ports: list[Port], extreme: Callable[..., float]) -> tuple[float, int]:
    """The highest or lowest value and its number; NaN, as of a sensor that is lost, does not count."""
    values = [port.values[port.index] for port in ports]
    there = [value for value in values if not math.isnan(value)]
    if not there:
        return math.nan, 1
    value = extreme(there)
    return value, values.index(value) + 1


class Vehicle(Side):
    """The vehicle's side, from plug to unplug.

    Its port ``stop`` ends the charging, ``forbid`` interrupts it; by ``withheld``, in A, a BMS wants
    less than the highest current.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        battery: The pack.
        wishes: What it wants, and its times.
    """

    of_a_session = ("CRM", "CTS", "CML", "CRO", "CCS", "CST", "CSD", "CEM")
    ending = (State.STOPPING, State.STATISTICS)
    outputs = (("attempts", 0.0, 1e6), ("errors", 0.0, 1e6))
    inputs = (("stop", 0.0, 1.0), ("forbid", 0.0, 1.0), ("withheld", 0.0, LARGEST_A))

    def __init__(
        self, name: str, clock: VirtualClock, speaker: Speaker, battery: Battery, wishes: Wishes
    ) -> None:
        super().__init__(name, clock, speaker)
        self._battery = battery
        self._wishes = wishes
        self._times = wishes.times
        self._holding = False  # constant voltage has been reached

    # -- its life -----------------------------------------------------------------------------

    def live(self) -> Steps:
        """Wait for a plug, be charged, wait until it is out; again and again."""
        while True:
            self.enter(State.IDLE)
            while not (yield from self.until(lambda: self._battery.plugged, NS_PER_S)):
                continue
            with suppress(Unplugged):
                yield from self._be_served()
            while (yield from self.until(lambda: not self._battery.plugged, NS_PER_S)) is False:
                continue
            self.speaker.cease()

    def leave(self) -> None:
        """It holds nothing of the twins."""

    @property
    def _plugged(self) -> bool:
        return self._battery.plugged

    def _be_served(self) -> Steps:
        self.speaker.forget("CHM")
        yield from self._forever(lambda: self.has("CHM"))
        self.go(State.HANDSHAKE)
        yield from self._sessions(self._wishes.restarts)

    # -- phases -------------------------------------------------------------------------------

    def _identify(self) -> Steps:
        self._holding = False
        begun_ns = self.clock.now_ns

        def fresh() -> bool:
            heard = self.speaker.heard("CHM")
            last_ns = max(begun_ns, 0 if heard is None else heard.at_ns)
            return self.clock.now_ns - last_ns < self._times.crm_ns

        yield from self._forever(lambda: self.has("CRM") or not fresh())
        if not self.has("CRM"):
            raise Late("Crm00")
        self.go(State.IDENTIFICATION)
        recognised = lambda: self.speaker.value("CRM", "Recognition") == READY  # noqa: E731
        yield from self._await("CrmAA", recognised, self._times.crm_ready_ns)

    def _configure(self) -> Steps:
        self.go(State.CONFIGURATION)
        there = lambda: self.has("CTS") and self.has("CML")  # noqa: E731
        yield from self._await("CtsCml", there, self._times.cml_ns)
        if self.speaker.value("CML", "MaxVoltage") < self._battery.voltage_V:
            raise Stop(AbnormalVoltage=YES)
        self.speaker.cease("BCP")
        self.speaker.repeat("BRO", lambda: {"Ready": NOT_YET})
        yield from self._wait(lambda: False, self._times.ready_ns)

    def _get_ready(self) -> Steps:
        self.go(State.READY)
        yield from self._await("Cro", lambda: self.has("CRO"), self._times.cro_ns)
        ready = lambda: self.speaker.value("CRO", "Ready") == READY  # noqa: E731
        yield from self._await("Cro", ready, self._times.cro_ready_ns, self._look_for_cro)

    def _charge(self) -> Steps:
        self.go(State.CHARGING)
        yield from self._await("Ccs", lambda: self.has("CCS"), self._times.first_ns)
        while True:  # each look at messages and battery raises what ends it
            yield from self._wait(lambda: False, NS_PER_S, self._supervise)

    def _end(self, reasons: Mapping[str, float]) -> Steps:
        self._reasons = reasons
        self.go(State.STOPPING)
        yield from self._await("Cst", lambda: self.has("CST"), self._times.cst_ns, stops=False)
        self.go(State.STATISTICS)
        yield from self._await("Csd", lambda: self.has("CSD"), self._times.csd_ns, stops=False)

    def _report(self, late: Mapping[str, float]) -> Steps:
        yield from self._complain(late, self._times.bem_ns)
        self.enter(State.HANDSHAKE)

    # -- what it says -------------------------------------------------------------------------

    def messages_of(self, state: IntEnum) -> Mapping[str, Say]:
        """What is repeated in a state."""
        said: dict[IntEnum, dict[str, Say]] = {
            State.HANDSHAKE: {"BHM": lambda: {"MaxTotalVoltage": self._wishes.max_V}},
            State.IDENTIFICATION: {"BRM": self._brm},
            State.CONFIGURATION: {"BCP": self._bcp},
            State.READY: {"BRO": lambda: {"Ready": READY}},
            State.CHARGING: {"BCL": self._bcl, "BCS": self._bcs, "BSM": self._bsm},
            State.STOPPING: {"BST": lambda: self._reasons},
            State.STATISTICS: {"BSD": self._bsd},
            State.ERROR: {"BEM": lambda: self._late},
        }
        return said.get(state, {})

    def _brm(self) -> Mapping[str, float]:
        vin = {f"Vin{place:02}": float(ord(letter)) for place, letter in enumerate(_VIN, 1)}
        return vin | {
            "VersionMinor": 1.0,
            "VersionMajor": 1.0,
            "BatteryType": _LFP,
            "RatedCapacity": self._wishes.capacity_Ah,
            "RatedVoltage": self._wishes.nominal_V,
            "Ownership": 1.0,
        }

    def _bcp(self) -> Mapping[str, float]:
        wishes = self._wishes
        return {
            "MaxCellVoltage": wishes.max_cell_V,
            "MaxCurrent": -min(wishes.max_A, LARGEST_A),
            "NominalEnergy": wishes.capacity_Ah * wishes.nominal_V / 1e3,
            "MaxTotalVoltage": wishes.max_V,
            "MaxTemperature": wishes.max_degC,
            "Soc": 100.0 * self._battery.soc,
            "PackVoltage": self._battery.voltage_V,
        }

    def _bcl(self) -> Mapping[str, float]:
        station_A = -self.speaker.value("CML", "MaxCurrent", -LARGEST_A)
        return {
            "VoltageDemand": self._wishes.max_V,
            "CurrentDemand": -min(max(0.0, self._wishes.max_A - self.read("withheld")), station_A, LARGEST_A),
            "Mode": CONSTANT_VOLTAGE if self._holding else CONSTANT_CURRENT,
        }

    def _bcs(self) -> Mapping[str, float]:
        battery = self._battery
        return {
            "Voltage": battery.voltage_V,
            "Current": -battery.current_A,
            "MaxCellVoltage": battery.max_V,
            "Soc": round(100.0 * battery.soc),
            "RemainingMinutes": self._remaining_minutes(),
        }

    def _remaining_minutes(self) -> float:
        current_A = self._battery.current_A
        left_Ah = (self._wishes.end_soc - self._battery.soc) * self._wishes.capacity_Ah
        return min(600.0, 60.0 * left_Ah / current_A) if current_A > 0.0 else 600.0

    def _bsm(self) -> Mapping[str, float]:
        extremes = self._battery.extremes()
        return {
            "MaxCellNumber": extremes["max_V"][1],
            "MaxTemperature": extremes["max_degC"][0],
            "MaxTemperaturePoint": extremes["max_degC"][1],
            "MinTemperature": extremes["min_degC"][0],
            "MinTemperaturePoint": extremes["min_degC"][1],
            "CellVoltageState": float(extremes["max_V"][0] > self._wishes.max_cell_V),
            "TemperatureState": float(extremes["max_degC"][0] > self._wishes.max_degC),
            "ChargePermit": float(self.read("forbid") < 0.5),
        }

    def _bsd(self) -> Mapping[str, float]:
        extremes = self._battery.extremes()
        return {
            "Soc": round(100.0 * self._battery.soc),
            "MinCellVoltage": extremes["min_V"][0],
            "MaxCellVoltage": extremes["max_V"][0],
            "MinTemperature": extremes["min_degC"][0],
            "MaxTemperature": extremes["max_degC"][0],
        }

    # -- charging -----------------------------------------------------------------------------

    def _supervise(self) -> None:
        """The station must be heard, and the battery well."""
        if not self.speaker.since("CCS", self.clock.now_ns - self._times.ccs_ns + 1):
            raise Late("Ccs")
        wishes, battery = self._wishes, self._battery
        if battery.max_degC > wishes.max_degC:
            raise Stop(PackHot=YES)
        if battery.max_V >= wishes.max_cell_V:
            raise Stop(CellVoltageReached=YES)
        if battery.soc >= wishes.end_soc:
            raise Stop(SocReached=YES)
        self._holding = self._holding or battery.voltage_V >= 0.999 * wishes.max_V
        if self._holding and self.read("forbid") < 0.5 and 0.0 < battery.current_A < wishes.end_A:
            raise Stop(TotalVoltageReached=YES)

    # -- waiting ------------------------------------------------------------------------------

    def _forever(self, holds: Callable[[], bool]) -> Steps:
        """Wait without a timeout, while it is plugged in."""
        while not (yield from self.until(holds, NS_PER_S, self._look_at_plug)):
            continue

    def _look_for_cro(self) -> None:
        self._must_go_on("CRO", self._times.cro_ns, "Cro")

    def _look_at_peer(self, *, stops: bool) -> None:
        if self.has("CEM"):
            raise PeerError
        if stops and self.has("CST"):
            raise Stop(ChargerStopped=YES)
        if stops and self.read("stop") >= 0.5:
            raise Stop(OtherFault=YES)
