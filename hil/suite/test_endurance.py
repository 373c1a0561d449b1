"""H. A long life: driving, charging and rest at random, within all that is promised and offered."""

from __future__ import annotations

from random import Random

import pytest

from hil import Rig
from hil.suite.protections import expect_known_states, frames_with, longest_gap_ns, within_limits

_SEED = 72  # the same life each time
_LOW, _HIGH = 0.35, 0.80  # of the charge: below the one it is not emptied, above the other not filled
_MOST_C = 0.8  # of the capacity in an hour: a current that heats no pack
_REST_s = 30.0
_MISSING = 0.5  # of a cycle too late: a frame is missing


@pytest.mark.case(72)
def test_a_long_life_leaves_no_fault(rig: Rig) -> None:
    """Whatever is legal, in any order: no fault, no unknown state, no frame missing, a right SOC."""
    chance, end_ns = Random(_SEED), rig.now_ns + rig.config.suite.soak_ns
    while rig.now_ns < end_ns:
        begun_ns = rig.now_ns
        _live(rig, chance)
        _expect_soundness(rig, begun_ns)
    if rig.has("soc", "accuracy_soc"):
        off = abs(rig.value("soc") - 100.0 * rig.truth("pack.soc"))
        rig.bounded("SOC off", off, high=100.0 * rig.limits["accuracy_soc"].tolerance, unit="%")


def _live(rig: Rig, chance: Random) -> None:
    """One thing that a day brings, from standby to standby."""
    chargeable = rig.has("charge") and rig.truth("pack.soc") < _HIGH
    match chance.choice(["drive", "drive", "charge" if chargeable else "drive", "rest"]):
        case "drive":
            _drive(rig, chance)
        case "charge":
            rig.charge()
            rig.run_for(_span_ns(chance, 15.0, 60.0))
            rig.standby()
            rig.set("charger.plugged", 0.0)
        case _:
            rig.run_for(_span_ns(chance, 1.0, _REST_s))


def _drive(rig: Rig, chance: Random) -> None:
    """Pull away, go, brake and stand, as it comes."""
    rig.operate()
    rig.set("drive.enable", 1.0)
    for _ in range(chance.randint(2, 6)):
        rig.set("drive.current_request", within_limits(rig, _current(rig, chance)))
        rig.run_for(_span_ns(chance, 1.0, 12.0))
    rig.set("drive.current_request", 0.0)
    rig.run_for("2 s")
    rig.set("drive.enable", 0.0)
    rig.standby()


def _current(rig: Rig, chance: Random) -> float:
    """One that may be drawn, or fed in, at this state of charge."""
    soc, most = rig.truth("pack.soc"), _MOST_C * rig.truth("pack.capacity")
    return most * chance.uniform(-0.3 if soc < _HIGH else 0.0, 1.0 if soc > _LOW else 0.0)


def _span_ns(chance: Random, least_s: float, most_s: float) -> int:
    return int(chance.uniform(least_s, most_s) * 1e9)


def _expect_soundness(rig: Rig, since_ns: int) -> None:
    """What holds at each instant of a life in which nothing is broken."""
    flags = [role for role in rig.config.roles if role == "fault" or role.startswith("fault.")]
    faulty = {role: frames_with(rig, role, 1, since_ns) for role in flags}
    told = ", ".join(role for role, count in faulty.items() if count)
    rig.bounded(f"frames with a fault {told}".rstrip(), sum(faulty.values()), high=0)
    expect_known_states(rig, since_ns)
    if not rig.has("cycle"):
        return
    tolerance = rig.limits.beside("cycle").tolerance
    for message, cycle_ns in rig.messages.of_bms().items():
        arrivals = rig.messages.arrivals(message, since_ns)
        longest = longest_gap_ns(arrivals, since_ns, rig.now_ns) / cycle_ns
        rig.bounded(f"longest gap of {message}, in cycles", longest, high=1 + max(tolerance, _MISSING))
