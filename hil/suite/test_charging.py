"""G. Charging and balancing, with the charger's twin."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import CELLS, frames_with, opening_ns, surely_balanced

_FULL_WITHIN_S = 1200
_LONGER = 8  # than it takes to charge what is missing, at the current that is promised
_FLOWS_NS = 8_000_000_000  # of a BMS that does not promise when the current flows as asked
_OBEY_NS = 3_000_000_000  # the same of opening although the charger goes on
_COMMAND_NS = 100_000_000  # beside the cycle in which the charger is told


@pytest.mark.case(64)
@pytest.mark.initial(pack__soc=0.98)
def test_a_charge_session_ends_full(rig: Rig) -> None:
    """Constant current as asked for, constant voltage, full at the end current; no cell passes its limit."""
    limit, cells = rig.limits["charge"], rig.limits["cell_overvoltage"]
    rig.track("soc", "pack.soc", scale=100.0)
    rig.charge()
    rig.expect(
        "charger.control", "charge", within=2 * _told_ns(rig), since=rig.mark("it charges"), already=True
    )
    _wait_for_current(rig)
    _expect_current_as_asked(rig)
    current, highest, volts = rig.truth("charger.current"), 0.0, 0.0
    held = 0
    for _ in range(_full_within_s(rig)):
        rig.run_for("1 s")
        highest = max(highest, rig.value("cell.voltage_max"))
        held += abs(rig.truth("charger.voltage") - limit.threshold) < 0.005 * limit.threshold
        given = rig.truth("charger.current")
        if rig.history("charge_complete")[-1][1] or given == 0.0:  # full, or given up
            break
        current, volts = given, rig.truth("pack.voltage") / rig.series
    rig.stays("charge_complete", True, for_="200 ms")
    most = 1.1 * limit.number("end_current")
    rig.bounded("charger current just before it was full", current, high=most, unit="A")
    rig.bounded("seconds at constant voltage", held, low=5)
    if limit.has("end_cell"):
        rig.bounded("mean cell voltage before it was full", volts, low=limit.number("end_cell"), unit="V")
    rig.bounded("highest cell voltage", highest, high=cells.threshold, unit="V")
    full = rig.mark("full")  # since then: before it began to charge it said stop, too
    rig.expect("charger.control", "stop", within=2 * _told_ns(rig), since=full, already=True)
    _wait_for_current(rig)
    rig.bounded("charger current when full", rig.truth("charger.current"), high=0.1, unit="A")


def _expect_current_as_asked(rig: Rig) -> None:
    """The charger gives what it was asked for of late, and that is no more than promised."""
    recently_ns = rig.now_ns - 2 * rig.cycle_ns("charger.current") - _COMMAND_NS
    asked = [amps for _, amps in rig.history("charger.current", recently_ns)]
    current = rig.truth("charger.current")
    rig.bounded("charger current", current, low=0.98 * min(asked) - 0.2, high=max(asked) + 0.2, unit="A")
    _expect_no_more_than_promised(rig, recently_ns)


@pytest.mark.case(64)
@pytest.mark.initial(pack__soc=0.5)
def test_a_small_current_into_low_cells_is_no_full_pack(rig: Rig) -> None:
    """The end current counts with the cells at their end voltage; a charger may give little at any charge."""
    limit = rig.limits["charge"]
    limit.number("end_cell")
    rig.require("charge_complete")
    rig.charge()
    _wait_for_current(rig)
    with rig.fault("current", value=-limit.number("end_current") / 2):
        rig.never("charge_complete", True, for_=2 * limit.delay)


@pytest.mark.case(64)
def test_a_charger_is_asked_for_no_more_than_promised(rig: Rig) -> None:
    """Far from full, where nothing else holds the current back: no more current and voltage than promised."""
    rig.charge()
    begun_ns = rig.now_ns
    _wait_for_current(rig)
    _expect_no_more_than_promised(rig, begun_ns)


def _expect_no_more_than_promised(rig: Rig, since_ns: int) -> None:
    """What the charger was asked for since an instant, current and voltage."""
    limit = rig.limits["charge"]
    asked = max(amps for _, amps in rig.history("charger.current", since_ns))
    rig.bounded("current asked for", asked, low=1.0, high=limit.number("current") * 1.01, unit="A")
    if rig.has("charger.voltage"):
        volts = max(volts for _, volts in rig.history("charger.voltage", since_ns))
        rig.bounded("voltage asked for", volts, high=limit.threshold * 1.005, unit="V")


def _wait_for_current(rig: Rig) -> None:
    """From a new command to the charger until the current is what is asked for."""
    limit = rig.limits.beside("charge") if rig.has("charge") else None
    promised = limit is not None and limit.has("flows_within")
    rig.run_for(limit.time("flows_within") if limit is not None and promised else _FLOWS_NS)


def _full_within_s(rig: Rig) -> int:
    """In how many seconds at the latest a pack is full that misses little."""
    missing = (1 - rig.truth("pack.soc")) * rig.truth("pack.capacity")
    hours = missing / rig.limits.beside("charge").number("current")
    return max(_FULL_WITHIN_S, round(_LONGER * 3600 * hours))


def _told_ns(rig: Rig) -> int:
    """In what time the charger is told."""
    return rig.cycle_ns("charger.control") + _COMMAND_NS


@pytest.mark.case(66)
def test_a_plug_that_is_pulled_ends_the_session(rig: Rig) -> None:
    """The charger goes on to speak, but no current flows: the BMS opens in time, and stops asking."""
    limit = rig.limits["charger"]
    within = limit.time("no_current") + limit.reaction
    rig.charge()
    _wait_for_current(rig)
    least = limit.number("asked") if limit.has("asked") else 0.0
    if rig.value("charger.current") <= least:
        pytest.skip(f"the rig file has no current noticed only where more than {least:g} A are asked for")
    rig.set("charger.plugged", 0.0)
    rig.crosses("measured.current", above=-0.5)
    rig.expect("fault.charger", True, within=within)
    rig.expect("contactor.main_plus", "open", within=within + limit.reaction)
    rig.expect("charger.control", "stop", within=within + limit.reaction + _told_ns(rig))


@pytest.mark.case(66)
def test_a_charger_that_sees_no_battery_ends_the_session(rig: Rig) -> None:
    """Where the charger says so, that is quicker than to wait for a current that does not come."""
    limit = rig.limits["charger"]
    within = limit.time("no_battery") + limit.reaction
    rig.require("charger.no_battery")
    rig.charge()
    _wait_for_current(rig)
    with rig.fault("port", port="charger.no_battery", value=1.0):
        rig.expect("fault.charger", True, within=within)
        rig.expect("contactor.main_plus", "open", within=within + limit.reaction)


@pytest.mark.case(66)
def test_a_charger_that_falls_silent_ends_the_session(rig: Rig) -> None:
    """Without the charger's frames the BMS opens in time, and tells it to stop."""
    limit = rig.limits["charger"]
    rig.charge()
    _wait_for_current(rig)
    with rig.fault("frame.missing", message=rig.messages.carrying("charger.current")):
        rig.expect("fault.charger", True, within=limit.timeout + limit.reaction)
        rig.expect("contactor.main_plus", "open", within=limit.timeout + 2 * limit.reaction)
        rig.expect("charger.control", "stop", within=limit.timeout + limit.reaction + _told_ns(rig))


@pytest.mark.case(65, 66)
@pytest.mark.parametrize("flag", ["hardware_failure", "over_temperature", "input_voltage_wrong"])
def test_a_charger_that_says_it_is_ill_is_disconnected(rig: Rig, flag: str) -> None:
    """What the charger reports of itself is listened to."""
    limit = rig.limits["charger"]
    rig.require(f"charger.{flag}")
    within = (limit.time("flag_within") if limit.has("flag_within") else limit.delay) + limit.reaction
    rig.charge()
    _wait_for_current(rig)
    with rig.fault("port", port=f"charger.{flag}", value=1.0):
        rig.expect("fault.charger", True, within=within)
        rig.expect("contactor.main_plus", "open", within=within + limit.reaction)


@pytest.mark.case(65)
@pytest.mark.parametrize("mode", ["overshoot", "ignore_commands"])
def test_a_charger_that_does_not_obey_is_disconnected(rig: Rig, mode: str) -> None:
    """Too much current, or current against orders, opens the contactors."""
    limit = rig.limits["charger"]
    rig.charge()
    _wait_for_current(rig)
    with rig.fault("charger", mode=mode):
        if mode == "ignore_commands":
            rig.request("mode", "standby")
            otherwise = max(opening_ns(rig, 0), _OBEY_NS)
            within = limit.time("standby_within") if limit.has("standby_within") else otherwise
            rig.expect("contactor.main_plus", "open", within=within)
        else:
            rig.expect("fault.charger", True, within=limit.delay + limit.reaction)
            rig.expect("contactor.main_plus", "open", within=limit.delay + 2 * limit.reaction)


@pytest.mark.case(67)
@pytest.mark.initial(pack__soc=0.97)
def test_balancing_takes_charge_from_the_high_cell_only(rig: Rig) -> None:
    """A cell above the others at high voltage is balanced, the low ones are not; its charge falls."""
    limit = rig.limits["balancing"]
    rig.require("balancing[1]")
    high = rig.cells // 3
    rig.operate()
    rig.stays(f"balancing[{high}]", False, for_=limit.delay)
    soc = 0.97
    while rig.truth(f"pack.cell_voltage[{high}]") < surely_balanced(rig):
        soc += 0.0005
        rig.set(f"pack.cell_soc[{high}]", soc)
        rig.run_for("20 ms")
    rig.expect(f"balancing[{high}]", True, within=limit.delay + rig.limits["cell_sensor"].delay)
    before, volts = rig.truth(f"pack.cell_soc[{high}]"), rig.truth(f"pack.cell_voltage[{high}]")
    begun_ns, cells = rig.now_ns, range(1, rig.cells + 1)
    charges = {cell: rig.truth(f"pack.cell_soc[{cell}]") for cell in cells}
    rig.run_for("60 s")
    balanced = {c for c in cells if frames_with(rig, f"balancing[{c}]", 1, begun_ns)}
    rig.bounded("cells that are not balanced", rig.cells - len(balanced), low=1)
    other = min(set(cells) - balanced)
    lost = charges[other] - rig.truth(f"pack.cell_soc[{other}]")
    drop = before - rig.truth(f"pack.cell_soc[{high}]") - lost
    pack = rig.config.plant.pack
    taken = volts / pack.balance_Ohm * 60 / 3600 / (rig.truth("pack.capacity") / pack.strings)
    rig.bounded("charge taken, as a share of what the resistor takes", drop / taken, low=0.7, high=1.3)
    surely = limit.number("start") - _misread(rig) if limit.has("start") else 0.0
    actual = {cell: rig.truth(f"pack.cell_voltage[{cell}]") for cell in cells}
    low = [c for c in balanced - {high} if actual[c] - min(actual.values()) < surely]
    rig.bounded("low cells balanced", len(low), high=0)


@pytest.mark.case(67)
def test_balancing_starts_and_stops_at_its_levels(rig: Rig) -> None:
    """Not below the start level, whatever the spread; above it at once; not for a spread that is gone."""
    limit = rig.limits["balancing"]
    rig.require("balancing[1]")
    cell, series = 3 * rig.cells // 4, rig.config.plant.pack.series
    surely = max(0.02, CELLS.error(rig, limit.threshold))
    rig.operate()
    with rig.fault("cell.voltage", cell=cell, value=limit.threshold - surely):
        rig.run_for(limit.delay)
        rig.stays(f"balancing[{cell}]", False, for_=limit.delay)
    high = limit.threshold + surely
    cells = [("cell.voltage", {"cell": other, "value": high}) for other in range(1, rig.cells + 1)]
    with rig.faults(*cells, ("pack.voltage", {"value": high * series})):  # as plausible
        rig.run_for(limit.delay)  # they got there one after the other, which was a spread for a moment
        reads = _misread(rig) >= limit.number("stop")  # a spread where there is none
        with rig.fault("cell.voltage", cell=cell, value=high + _surely_apart(rig)):
            rig.expect(f"balancing[{cell}]", True, within=limit.delay, already=reads)
            if limit.has("above_min"):
                _expect_each_by_its_own(rig, cell % rig.cells + 1, high)
        gone = min(0.6 * limit.number("stop"), limit.number("stop") - _misread(rig))
        with rig.fault("cell.voltage", cell=cell, value=high + max(gone, 0.0)):
            if not reads:
                rig.expect(f"balancing[{cell}]", False, within=limit.delay)
                rig.stays(f"balancing[{cell}]", False, for_=limit.delay)  # not between two measurements only
        rig.stays("state", "operate", for_="300 ms")  # it is the spread that ended it, and no fault
        if limit.has("release"):
            with rig.fault("cell.voltage", cell=cell, value=high + _surely_apart(rig)):
                rig.expect(f"balancing[{cell}]", True, within=limit.delay, already=reads)
                _expect_no_balancing_below(rig, cell, limit.release - 2 * _surely_apart(rig))


def _misread(rig: Rig) -> float:
    """By how much two cells of one voltage may be read apart, in V."""
    promise = rig.limits.beside(CELLS.accuracy) if rig.has(CELLS.accuracy) else None
    if promise is not None and promise.has("between"):
        return promise.number("between")
    return 2 * CELLS.error(rig, rig.limits.beside("balancing").threshold)


def _surely_apart(rig: Rig) -> float:
    """A spread in V at which balancing begins, whatever the cells are read as."""
    start = rig.limits.beside("balancing").number("start")
    return max(2 * start, start + _misread(rig))


def _expect_each_by_its_own(rig: Rig, cell: int, lowest: float) -> None:
    """Beside a cell that is balanced another one is only where it, too, is well above the lowest."""
    limit = rig.limits["balancing"]
    above = limit.number("above_min")
    below = min(0.6 * above, above - _misread(rig))
    if below <= 0:
        return  # a cell that is no higher than the lowest may well be read so
    with rig.fault("cell.voltage", cell=cell, value=lowest + below):
        rig.run_for(limit.delay)
        rig.stays(f"balancing[{cell}]", False, for_=limit.delay)
    with rig.fault("cell.voltage", cell=cell, value=lowest + max(1.6 * above, above + _misread(rig))):
        rig.expect(f"balancing[{cell}]", True, within=limit.delay)


def _expect_no_balancing_below(rig: Rig, cell: int, volts: float) -> None:
    """A cell that is being balanced is let go at a low voltage, however far it is above the others still."""
    limit = rig.limits["balancing"]
    values = dict.fromkeys(range(1, rig.cells + 1), volts)
    values[cell] += _surely_apart(rig)
    cells = [("cell.voltage", {"cell": other, "value": value}) for other, value in values.items()]
    with rig.faults(*cells, ("pack.voltage", {"value": volts * rig.config.plant.pack.series})):
        rig.run_for(2 * limit.delay)  # they get there one after the other
        rig.stays(f"balancing[{cell}]", False, for_=limit.delay)
