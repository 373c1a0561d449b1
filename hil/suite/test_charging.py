"""G. Charging and balancing, with the charger's twin."""

from __future__ import annotations

import pytest

from hil import Rig

_FULL_WITHIN_S = 900


@pytest.mark.case(64)
@pytest.mark.initial(pack__soc=0.97)
def test_a_charge_session_ends_full(rig: Rig) -> None:
    """Constant current, constant voltage, full: the request is kept to, and no cell passes its limit."""
    limit = rig.limits["cell_overvoltage"]
    rig.track("soc", "pack.soc", scale=100.0)
    rig.charge()
    rig.expect("charger.control", "charge", within="2 s")
    rig.run_for("8 s")
    allowed = rig.value("charger.current")
    current = rig.truth("charger.current")
    rig.bounded("charger current over its request", current - allowed, high=0.2, unit="A")
    rig.bounded("charger current", current, low=1.0, unit="A")
    highest = 0.0
    for _ in range(_FULL_WITHIN_S):
        rig.run_for("1 s")
        highest = max(highest, rig.value("cell.voltage_max"))
        if rig.history("charge_complete")[-1][1]:
            break
    rig.expect("charge_complete", True, within="1 s", since=rig.mark("end of charge"))
    rig.bounded("highest cell voltage", highest, high=limit.threshold, unit="V")
    rig.expect("charger.control", "stop", within="2 s")
    rig.run_for("2 s")
    rig.bounded("charger current when full", rig.truth("charger.current"), high=0.1, unit="A")


@pytest.mark.case(66)
@pytest.mark.parametrize("how", ["unplugged", "silent"])
def test_a_charger_that_goes_away_ends_the_session(rig: Rig, how: str) -> None:
    """A plug that is pulled and a charger that falls silent stop the session in time."""
    limit = rig.limits["charger"]
    rig.charge()
    rig.run_for("8 s")
    if how == "unplugged":
        rig.set("charger.plugged", 0.0)
        with rig.fault("frame.missing", message=rig.messages.carrying("charger.current")):
            rig.expect("fault.charger", True, within=limit.timeout + limit.reaction)
    else:
        with rig.fault("frame.missing", message=rig.messages.carrying("charger.current")):
            rig.expect("fault.charger", True, within=limit.timeout + limit.reaction)
            rig.expect("contactor.main_plus", "open", within=limit.timeout + 2 * limit.reaction)
            rig.expect("charger.control", "stop", within=limit.timeout + 2 * limit.reaction)


@pytest.mark.case(65)
@pytest.mark.parametrize("mode", ["overshoot", "ignore_commands"])
def test_a_charger_that_does_not_obey_is_disconnected(rig: Rig, mode: str) -> None:
    """Too much current, or current against orders, opens the contactors."""
    limit = rig.limits["charger"]
    rig.charge()
    rig.run_for("8 s")
    with rig.fault("charger", mode=mode):
        if mode == "ignore_commands":
            rig.request("mode", "standby")
            rig.expect("contactor.main_plus", "open", within="3 s")
        else:
            rig.expect("fault.charger", True, within=limit.delay + limit.reaction)
            rig.expect("contactor.main_plus", "open", within=limit.delay + 2 * limit.reaction)


@pytest.mark.case(67)
@pytest.mark.initial(pack__soc=0.97)
def test_balancing_starts_on_the_high_cells_only(rig: Rig) -> None:
    """A cell above the others at high voltage is balanced, the low ones are not; its charge falls."""
    limit = rig.limits["balancing"]
    rig.require("balancing[1]")
    high = rig.cells // 3
    soc = 0.97
    while rig.truth(f"pack.cell_voltage[{high}]") < limit.threshold + 0.03:
        soc += 0.0005
        rig.set(f"pack.cell_soc[{high}]", soc)
        rig.run_for("20 ms")
    rig.operate()
    rig.mark("imbalance in place")
    rig.expect(f"balancing[{high}]", True, within=limit.delay)
    before = rig.truth(f"pack.cell_soc[{high}]")
    others = rig.truth("pack.soc_min")
    rig.run_for("60 s")
    drop = (before - rig.truth(f"pack.cell_soc[{high}]")) * 1e6
    drift = (others - rig.truth("pack.soc_min")) * 1e6
    rig.bounded("charge taken from the high cell beyond the others", drop - drift, low=1.0, unit="ppm")
    low = [c for c in range(1, rig.cells + 1) if c != high and rig.history(f"balancing[{c}]")[-1][1]]
    rig.bounded("other cells balanced", len(low), high=0)


@pytest.mark.case(67)
def test_balancing_ends_when_the_spread_is_gone(rig: Rig) -> None:
    """Below its lower threshold balancing stops."""
    limit = rig.limits["balancing"]
    rig.require("balancing[1]")
    level = limit.threshold + 0.05
    rig.operate()
    with rig.fault("cell.voltage", cell=4, value=level):
        rig.expect("balancing[4]", True, within=limit.delay)
    rig.expect("balancing[4]", False, within=limit.delay, since=rig.mark("spread gone"))
