"""How each protection is provoked: the limit's name, and what makes its quantity take a value."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pytest

from hil import Rig

_OFFERED = 0.95  # of a current that is offered, so that no measurement error is beyond it

Provoke = Callable[[Rig, float], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Reading:
    """What the BMS measures, and how well.

    Attributes:
        accuracy: The limit that promises it.
        port: Where it is on a wire.
        otherwise: What no error is beyond where nothing is promised, in the limit's unit.
        at_most: The same as a share of the level, where that is less: of low voltages.
    """

    accuracy: str
    port: str
    otherwise: float
    at_most: float = math.inf

    def error(self, rig: Rig, level: float) -> float:
        """By how much the BMS may be off at a level, and one step of the wire, in the limit's unit."""
        promise = rig.limits.beside(self.accuracy) if rig.has(self.accuracy) else None
        if promise is None or not promise.has("tolerance"):
            return min(self.otherwise, self.at_most * abs(level)) if level else self.otherwise
        is_share = promise.unit_of("tolerance") == "1"
        error = promise.tolerance * abs(level) if is_share else promise.tolerance
        offset = promise.number("offset") if promise.has("offset") else 0.0
        return max(error, offset) + (rig.resolution(self.port) if rig.has(self.port) else 0.0)


@dataclass(frozen=True)
class Protection:
    """A quantity that the BMS watches.

    Attributes:
        limit: Name of the limit, of ``fault.<limit>`` and of ``warning.<limit>``.
        provoke: Makes the BMS measure a value of it.
        reading: What it is measured by.
        derates: The role of the current limit that its derating level reduces.
        told: The role in which the BMS says what it measures, of one whose levels are near each other.
        charging: It is watched while charging only.
    """

    limit: str
    provoke: Provoke
    reading: Reading
    derates: str = ""
    told: str = ""
    charging: bool = False

    def past(self, rig: Rig, level: float) -> float:
        """A value past a level, on its bad side, by more than the BMS may be off: no error hides it."""
        step = self.reading.error(rig, level)
        return level + step if rig.limits.beside(self.limit).above else level - step

    def transient(self, rig: Rig, percent: int) -> int:
        """How long to show a value, in ns, that is then past a level for a share of the shortest delay.

        What a frame shows stands until the next one, and each frame may be one of the events that a delay
        counts. A rig file whose frames are as slow as the delay skips the test.
        """
        limit = rig.limits.beside(self.limit)
        wanted, port = limit.transient(percent), self.reading.port
        if not rig.has(port):
            return wanted
        cycle_ns = rig.cycle_ns(port)
        frames = min(1 + wanted // cycle_ns, (limit.delay.earliest - 1) // cycle_ns)
        if limit.has("events"):
            frames = min(frames, int(limit.number("events")) - 1)
        if frames < 1:
            pytest.skip(f"the rig file has no frame of {port} within the delay of {self.limit!r}")
        return min(wanted, frames * cycle_ns - cycle_ns // 2)

    def taken_for(self, rig: Rig, level: float) -> float:
        """A value that the BMS takes for a level, by its own word: where no room is for what it may be off.

        What it is off by it shows at a value that is no cause of anything yet. The level itself comes back
        where it is off by nothing, by more than permitted, or does not say what it measures.
        """
        limit = rig.limits.beside(self.limit)
        if not self.told or not rig.has(self.told) or not limit.has("warning"):
            return level
        most, sent = self.reading.error(rig, level), self.reading.port
        step = max(rig.resolution(self.told), rig.resolution(sent) if rig.has(sent) else 0.0)
        quiet = limit.warning - 3 * most if limit.above else limit.warning + 3 * most
        with self.provoke(rig, quiet) as stimulus:
            rig.on_wire(stimulus)
            rig.run_for(2 * rig.cycle_ns(self.told))
            off = rig.value(self.told) - quiet
        return level - off if step <= abs(off) <= most + step else level


def _cell(rig: Rig, value: float, cell: int | None = None) -> AbstractContextManager[Any]:
    return rig.fault("cell.voltage", cell=cell or rig.cells // 2, value=value)


def _temperature(rig: Rig, value: float) -> AbstractContextManager[Any]:
    return rig.fault("temperature", sensor=rig.temperature_sensors // 2, value=value)


@contextmanager
def _pack_voltage(rig: Rig, value: float) -> Iterator[Any]:
    """Cells and pack agree, or the BMS would rightly doubt the sensor; no cell passes its own limit."""
    low, high = surely_inside(rig, "cell_undervoltage"), surely_inside(rig, "cell_overvoltage")
    volts = min(max(value / rig.series, low), high)
    cells = [("cell.voltage", {"cell": cell, "value": volts}) for cell in range(1, rig.cells + 1)]
    with rig.faults(("pack.voltage", {"value": value}), *cells) as stimuli:
        yield stimuli[0]


def _discharge(rig: Rig, value: float) -> AbstractContextManager[Any]:
    return rig.fault("current", value=value)


def _charge(rig: Rig, value: float) -> AbstractContextManager[Any]:
    return rig.fault("current", value=-value)


def _isolation(rig: Rig, value: float) -> AbstractContextManager[Any]:
    return rig.fault("isolation", pole="plus", value=value)


CELLS = Reading("accuracy_cell_voltage", "cell_monitor.voltage[1]", 0.020)
PACK = Reading("accuracy_pack_voltage", "current_sensor.voltage_pack", 3.0, at_most=0.025)
HEAT = Reading("accuracy_temperature", "cell_monitor.temperature[1]", 2.0)
AMPERES = Reading("accuracy_current", "current_sensor.current", 10.0)
OHMS = Reading("accuracy_isolation", "isolation.plus", 2000.0)
_DISCHARGE, _CHARGE = "limit.discharge_current", "limit.charge_current"

PROTECTIONS = {
    protection.limit: protection
    for protection in (
        Protection("cell_overvoltage", _cell, CELLS, _CHARGE, "cell.voltage_max"),
        Protection("cell_undervoltage", _cell, CELLS, _DISCHARGE, "cell.voltage_min"),
        Protection("pack_overvoltage", _pack_voltage, PACK),
        Protection("pack_undervoltage", _pack_voltage, PACK),
        Protection("overtemperature_discharge", _temperature, HEAT, _DISCHARGE, "cell.temperature_max"),
        Protection(
            "overtemperature_charge", _temperature, HEAT, _CHARGE, "cell.temperature_max", charging=True
        ),
        Protection(
            "undertemperature_charge", _temperature, HEAT, _CHARGE, "cell.temperature_min", charging=True
        ),
        Protection("undertemperature_discharge", _temperature, HEAT, _DISCHARGE, "cell.temperature_min"),
        Protection("overcurrent_discharge", _discharge, AMPERES),
        Protection("overcurrent_charge", _charge, AMPERES),
        Protection("isolation", _isolation, OHMS),
    )
}


def break_(rig: Rig, name: str) -> AbstractContextManager[Any]:
    """What makes a fault: an open interlock, or a quantity that is past its limit."""
    if name == "interlock":
        rig.limits.beside(name)
        return rig.fault("interlock")
    protection = PROTECTIONS[name]
    return protection.provoke(rig, protection.past(rig, rig.limits.beside(name).threshold))


def surely_inside(rig: Rig, limit: str) -> float:
    """A value as far inside a threshold as :meth:`Protection.past` is past it."""
    threshold = rig.limits.beside(limit).threshold
    return 2 * threshold - PROTECTIONS[limit].past(rig, threshold)


def surely_past(rig: Rig, limit: str) -> float:
    """A value past a threshold by twice what the BMS may be off: where it is real, or only a means."""
    threshold = rig.limits.beside(limit).threshold
    return 2 * PROTECTIONS[limit].past(rig, threshold) - threshold


CONTACTORS = ("main_plus", "main_minus", "precharge")


def activate(rig: Rig, protection: Protection) -> None:
    """Bring the BMS into a state with closed contactors in which the protection is watched.

    A rig file that has it watched in none of them skips the test.
    """
    states = rig.limits.beside(protection.limit).states
    if protection.charging or (states and "operate" not in states and "charge" in states):
        require_watched(rig, protection.limit, "charge")
        rig.charge()
    else:
        operate_watched(rig, protection.limit)


def surely_balanced(rig: Rig) -> float:
    """A cell's voltage that is past the level of balancing whatever it is read as, in V."""
    level = rig.limits.beside("balancing").threshold
    return level + max(0.03, CELLS.error(rig, level))


def operate_watched(rig: Rig, *names: str) -> None:
    """Into operation, for tests of what these limits do there; skipped where one is not watched in it."""
    for name in names:
        require_watched(rig, name, "operate")
    rig.operate()


def enter(rig: Rig, state: str) -> None:
    """Bring a BMS that is in standby into a state: standby, operate or charge.

    A rig file that has no such mode or no such state skips the test.
    """
    mode = rig.config.requests.get("mode")
    for what, role in (("mode", mode), ("state", rig.config.roles.get("state"))):
        if state != "standby" and (role is None or state not in (role.values or {})):
            pytest.skip(f"the rig file gives this BMS no {what} {state!r}")
    if state == "operate":
        rig.operate()
    elif state == "charge":
        rig.charge()


def require_watched(rig: Rig, name: str, state: str) -> None:
    """Skip the test where the rig file says that a limit does not hold in a state."""
    watched = rig.limits.beside(name).states
    if watched and state not in watched:
        pytest.skip(f"the rig file has {name!r} watched in {', '.join(watched)} only")


def expect_open(rig: Rig, name: str) -> None:
    """The fault is flagged, then everything is commanded open, and is open, all in time; and stays so."""
    limit = rig.limits[name]
    total = limit.delay + limit.reaction
    flagged = rig.expect(f"fault.{name}", True, within=limit.delay)
    expect_opened(rig, closed_contactors(rig, flagged.stimulus_ns), total)
    rig.stays("contactor.main_plus", "open", for_="1 s")


def expect_opened(rig: Rig, closed: Sequence[str], within: int) -> None:
    """Contactors that were closed open, by command and in truth; afterwards none is closed."""
    for contactor in closed:
        rig.expect(f"contactor.{contactor}", "open", within=within)
    for contactor in closed:
        feedback = f"contactor.{contactor}.feedback"
        if rig.has(feedback):
            rig.expect(feedback, "open", within=within, already=True)
    for contactor in contactors(rig):
        rig.stays(f"contactor.{contactor}", "open", for_="100 ms")


def closed_contactors(rig: Rig, cause_ns: int | None) -> list[str]:
    """Those that the BMS said to be closed when the cause of a fault was on the wire.

    By the last frame before it, or the first after it: a BMS may tell its state before the contactors
    that belong to it.
    """
    instant_ns = rig.now_ns if cause_ns is None else cause_ns
    return [name for name in contactors(rig) if 1 in _around(rig, f"contactor.{name}", instant_ns)]


def _around(rig: Rig, role: str, instant_ns: int) -> list[float]:
    """What the role's last frame before an instant said, and the first after it."""
    frames = rig.history(role, instant_ns - 3 * rig.cycle_ns(role))
    if not frames or frames[0][0] > instant_ns:  # of one that is sent on a change the last may be long ago
        frames = rig.history(role)
    place = bisect_right(frames, instant_ns, key=itemgetter(0))
    return [value for _, value in frames[max(place - 1, 0) : place + 1]]


def _recent(rig: Rig, role: str) -> Sequence[tuple[int, float]]:
    """What the role's last frames said, as long as that counts."""
    return rig.history(role, rig.now_ns - 3 * rig.cycle_ns(role))


def within_limits(rig: Rig, wanted: float) -> float:
    """A current in A, or most of what the BMS promises and offers in that direction, if that is less."""
    name = "discharge_current" if wanted > 0 else "charge_current"
    most = _OFFERED * rig.limits.beside(name).threshold if rig.has(name) else abs(wanted)
    role = f"limit.{name}"
    offered = _recent(rig, role) if rig.has(role) else []
    if offered:
        most = min(most, _OFFERED * abs(offered[-1][1]))
    return max(-most, min(wanted, most))


def opening_ns(rig: Rig, otherwise_ns: int) -> int:
    """How long a BMS may take to open when standby is asked for; else this, where it promises nothing."""
    return rig.limits.beside("standby").delay if rig.has("standby") else otherwise_ns


def contactors(rig: Rig) -> list[str]:
    """Those of the contactors that the BMS shows."""
    return [name for name in CONTACTORS if rig.has(f"contactor.{name}")]


def family_of(message: str) -> str:
    """A message's name without its number: ``CM_Voltages_07`` is of ``CM_Voltages``."""
    return message.rstrip("0123456789").rstrip("_")


def longest_gap_ns(arrivals: Sequence[int], since_ns: int, until_ns: int) -> int:
    """The longest time without a frame, from the begin of a span to its end: of silence all of it."""
    return max(after - before for before, after in itertools.pairwise((since_ns, *arrivals, until_ns)))


def frames_with(rig: Rig, role: str, value: float, since_ns: int) -> int:
    """How many frames since an instant carried a value."""
    return sum(seen == value for _, seen in rig.history(role, since_ns))


def expect_known_states(rig: Rig, since_ns: int) -> None:
    """No frame since an instant said a state that the rig file does not name."""
    known = (rig.config.roles["state"].values or {}).values()
    odd = sum(seen not in known for _, seen in rig.history("state", since_ns))
    rig.bounded("frames with no known state", odd, high=0)


def frames_faulty(rig: Rig, limit: str, since_ns: int) -> int:
    """How many frames since an instant said that a limit was passed, in a test that passes none at all."""
    return frames_with(rig, fault_role(rig, limit), 1, since_ns)


def fault_role(rig: Rig, limit: str) -> str:
    """The role that says that a limit was passed: of a BMS that has one flag for all faults that one."""
    own = f"fault.{limit}"
    return "fault" if rig.has("fault") and not rig.has(own) else own
