"""D and G. The auxiliary supply: lost, weak, and coming back."""

from __future__ import annotations

from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import frames_with

_CYCLES = 50
_CLOSED = ("precharge", "operate", "charge")  # states in which contactors may be closed


@pytest.mark.case(41)
def test_a_lost_supply_opens_the_contactors(rig: Rig) -> None:
    """Without supply everything falls open by itself, in time, and stays open when the supply is back."""
    limit = rig.limits["supply_loss"]
    rig.operate()
    with rig.fault("supply.voltage", value=0.0):
        rig.run_for(limit.reaction)
        for contactor in ("main_plus", "main_minus"):
            rig.bounded(f"{contactor} closed", rig.truth(f"contactor.{contactor}.feedback"), high=0)
        rig.request("mode", "standby")  # nobody asks for operation when it is back
        rig.run_for("500 ms")
    back = rig.mark("the supply is back")
    rig.expect("state", "standby", within=rig.limits["startup"].delay, since=back, already=True)
    rig.stays("contactor.main_plus", "open", for_="1 s")
    closed = rig.config.roles["contactor.main_plus"].value_of("closed")
    count = frames_with(rig, "contactor.main_plus", closed, back.applied_ns)
    rig.bounded("frames with contactors closed since then", count, high=0)


@pytest.mark.case(71)
@pytest.mark.parametrize(
    ("how", "lowest", "arguments"),
    [
        pytest.param("supply.dip", 0.5, {"lasts": "5 ms"}, id="micro dip"),
        pytest.param("supply.dip", 0.3, {"lasts": "200 ms"}, id="dip"),
        pytest.param("supply.cranking", 0.25, {"lasts": "2 s"}, id="cranking"),
        pytest.param("supply.brown_out", 0.25, {}, id="brown-out"),
        pytest.param("supply.power_cycle", None, {"off": "1 s"}, id="power cycle"),
    ],
)
def test_a_weak_supply_leaves_nothing_undefined(
    rig: Rig, how: str, lowest: float | None, arguments: dict[str, Any]
) -> None:
    """The BMS goes on, starts anew or shows a fault, its contactors fit its state, and it can be used."""
    if rig.config.plant.supply is None:
        pytest.skip("the rig file has no section [supply]")
    values = dict(arguments)
    rig.operate()
    start_ns = rig.now_ns
    if lowest is not None:  # as a share of the supply, be it one of 12 or 24 V
        key = "value" if how == "supply.dip" else "lowest"
        values[key] = lowest * rig.truth("supply.voltage")
    if how == "supply.cranking":
        values["plateau"] = 0.5 * rig.truth("supply.voltage")
    with rig.fault(how, **values):
        rig.run_for("10 s")
    _expect_defined_states(rig, start_ns)
    _use_again(rig)


def _expect_defined_states(rig: Rig, start_ns: int) -> None:
    """Every state shown is one that there is, and closed contactors belong to it."""
    shown = rig.history("state", start_ns)
    known = set((rig.config.roles["state"].values or {}).values())
    rig.bounded("frames with an undefined state", sum(value not in known for _, value in shown), high=0)
    may_close = {rig.config.roles["state"].value_of(name) for name in _CLOSED if name in _names(rig)}
    is_closed = rig.config.roles["contactor.main_plus"].value_of("closed")
    closed = [t_ns for t_ns, value in rig.history("contactor.main_plus", start_ns) if value == is_closed]
    tolerated_ns = 100_000_000  # state and contactors are in different frames
    wrong = sum(_state_at(shown, t_ns) not in may_close for t_ns in closed if t_ns > start_ns + tolerated_ns)
    rig.bounded("frames with contactors closed in another state", wrong, high=2)


def _names(rig: Rig) -> set[str]:
    return set(rig.config.roles["state"].values or {})


def _state_at(shown: list[tuple[int, float]], t_ns: int) -> float | None:
    return next((value for at_ns, value in reversed(shown) if at_ns <= t_ns), None)


def _use_again(rig: Rig) -> None:
    """Out of whatever state it is in, it comes to operation."""
    if rig.config.roles["state"].name_of(rig.value("state")) == "fault":
        rig.reset_faults()
    rig.standby()
    rig.operate()


@pytest.mark.case(71)
def test_every_one_of_many_power_cycles_reaches_standby(rig: Rig) -> None:
    """Fifty starts in a row, some out of operation, each in time and without a fault."""
    rig.require("fault")
    for cycle in range(_CYCLES):
        if cycle % 10 == 0:
            rig.operate()
        rig.power_on(cold=False)
        rig.bounded(f"fault after start {cycle + 1}", rig.value("fault"), high=0)
    rig.operate()
