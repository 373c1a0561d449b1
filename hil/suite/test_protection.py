"""C. Protection thresholds: warning, derating and opening levels, debounce and hysteresis."""

from __future__ import annotations

import itertools

import pytest

from hil import Rig
from hil.suite.protections import (
    AMPERES,
    PROTECTIONS,
    Protection,
    activate,
    break_,
    closed_contactors,
    contactors,
    enter,
    expect_open,
    frames_faulty,
    frames_with,
    operate_watched,
    require_watched,
    surely_inside,
    surely_past,
)

_RAMP_V = 0.001  # or a step of the wire, if that is more
_STATES = {"init", "standby", "precharge", "operate", "charge", "fault"}
_OF_CASE = {
    "cell_overvoltage": 18,
    "cell_undervoltage": 21,
    "overcurrent_discharge": 23,
    "overcurrent_charge": 24,
    "overtemperature_discharge": 26,
    "overtemperature_charge": 26,
    "undertemperature_charge": 27,
    "isolation": 43,
}

_IN_EACH_STATE = [
    (state, name)
    for state in ("standby", "precharge", "operate", "charge")
    for name in (
        *("cell_overvoltage", "cell_undervoltage", "isolation", "interlock"),
        *("overtemperature_discharge", "undertemperature_discharge"),
        *(("overcurrent_discharge", "overcurrent_charge") if state != "standby" else ()),
    )
]  # in standby nothing can flow: a current is its sensor's error


def _each(*names: str) -> pytest.MarkDecorator:
    marks = [
        pytest.param(
            PROTECTIONS[name],
            id=name,
            marks=[pytest.mark.case(_OF_CASE[name])] if name in _OF_CASE else [],
        )
        for name in names or PROTECTIONS
    ]
    return pytest.mark.parametrize("protection", marks)


@_each()
def test_past_the_limit_the_contactors_open(rig: Rig, protection: Protection) -> None:
    """A value past the threshold is flagged in time, and the pack is disconnected in time."""
    limit = rig.limits[protection.limit]
    activate(rig, protection)
    with protection.provoke(rig, protection.past(rig, limit.threshold)):
        expect_open(rig, protection.limit)


@pytest.mark.case(19)
@_each()
def test_inside_the_limit_nothing_trips(rig: Rig, protection: Protection) -> None:
    """As far inside the threshold as the other test is past it, the pack stays connected."""
    limit = rig.limits[protection.limit]
    inside = surely_inside(rig, protection.limit)
    activate(rig, protection)
    start_ns = rig.now_ns
    with protection.provoke(rig, inside):
        rig.run_for(limit.delay * 2)
        rig.stays("contactor.main_plus", "closed", for_="200 ms")
    count = frames_faulty(rig, protection.limit, start_ns)
    rig.bounded("frames with the fault set", count, high=0)


@pytest.mark.case(16, 23, 24)
@pytest.mark.parametrize("name", ["discharge_current", "charge_current"])
def test_a_current_beyond_the_offered_limit_is_answered(rig: Rig, name: str) -> None:
    """What the BMS offers is meant: who goes on beyond it is warned, then disconnected."""
    limit = rig.limits[name]
    fault = f"overcurrent_{name.removesuffix('_current')}"
    operate_watched(rig, name, fault)
    offered = rig.value(f"limit.{name}")
    beyond = offered * (1 + limit.tolerance) + limit.number("offset")
    beyond, inside = beyond + AMPERES.error(rig, beyond), surely_inside(rig, fault)
    if beyond >= inside:
        pytest.skip(f"the rig file leaves no current between what is offered and {fault!r}")
    value = (beyond + inside) / 2
    with rig.fault("current", value=value if name == "discharge_current" else -value):
        rig.expect(f"warning.{fault}", True, within=limit.time("warning_after"))
        rig.expect(f"fault.{fault}", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)


@pytest.mark.case(18)
def test_overvoltage_of_a_cell_opens_the_contactors(rig: Rig, cell: int) -> None:
    """Ends and middle of the chain are protected alike, ten times in a row."""
    limit = rig.limits["cell_overvoltage"]
    for _ in range(10):
        activate(rig, PROTECTIONS["cell_overvoltage"])
        with rig.fault("cell.voltage", cell=cell, value=surely_past(rig, "cell_overvoltage")):
            rig.expect("fault.cell_overvoltage", True, within=limit.delay)
            rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for(limit.delay)
        rig.reset_faults()


@pytest.mark.case(18, 21, 31)
@pytest.mark.parametrize("name", ["cell_overvoltage", "cell_undervoltage"])
@pytest.mark.parametrize("state", ["standby", "operate", "charge"])
def test_every_single_cell_is_protected(rig: Rig, state: str, name: str) -> None:
    """No cell of the pack can leave its window unseen, whatever the BMS does; each opens the contactors."""
    limit = rig.limits[name]
    require_watched(rig, name, state)
    value = PROTECTIONS[name].past(rig, limit.threshold)
    for cell in range(1, rig.cells + 1):
        enter(rig, state)
        with rig.fault("cell.voltage", cell=cell, value=value):
            flagged = rig.expect(f"fault.{name}", True, within=limit.delay)
            for contactor in closed_contactors(rig, flagged.stimulus_ns):
                rig.expect(f"contactor.{contactor}", "open", within=limit.delay + limit.reaction)
            if state == "standby":
                _expect_its_number(rig, name, cell)
        rig.run_for(limit.delay)
        rig.reset_faults()


def _expect_its_number(rig: Rig, name: str, cell: int) -> None:
    """Where the BMS says which cell is the highest and which the lowest, it is the one that is struck."""
    number = "cell.voltage_max_cell" if rig.limits[name].above else "cell.voltage_min_cell"
    if rig.has(number):
        rig.expect(number, cell, within="2 s", already=True)


@pytest.mark.case(19)
@pytest.mark.parametrize("name", ["cell_overvoltage", "cell_undervoltage"])
def test_the_threshold_is_where_it_is_promised(rig: Rig, name: str) -> None:
    """A ramp in small steps trips at the threshold, within the accuracy of the measurement."""
    limit, tolerance = rig.limits[name], rig.limits["accuracy_cell_voltage"].tolerance
    step = max(_RAMP_V, rig.resolution("cell_monitor.voltage[1]"))
    sign = 1 if limit.above else -1
    activate(rig, PROTECTIONS[name])
    value = limit.threshold - sign * (tolerance + 3 * step)
    while sign * (limit.threshold - value) > -(tolerance + 7 * step):
        with rig.fault("cell.voltage", cell=min(3, rig.cells), value=value):
            rig.run_for(limit.delay + limit.reaction)
            if frames_with(rig, f"fault.{name}", 1, rig.now_ns - limit.delay):
                break
        value += sign * step
    off = abs(value - limit.threshold)
    if sign * value > sign * limit.threshold:
        off = max(off - step, 0.0)  # it lies between this value and the one before
    rig.bounded(
        "trip level off its threshold", round(off * 1e3, 6), high=round(tolerance * 1e3, 6), unit="mV"
    )


@pytest.mark.case(20)
@pytest.mark.initial(pack__soc=0.08)
def test_one_cell_far_from_all_others_still_trips(rig: Rig) -> None:
    """An implausibly large spread must not mask a cell in overvoltage."""
    limit = rig.limits["cell_overvoltage"]
    activate(rig, PROTECTIONS["cell_overvoltage"])
    with rig.fault("cell.voltage", cell=rig.cells, value=limit.threshold + 0.3):
        expect_open(rig, "cell_overvoltage")


@pytest.mark.case(23)
def test_real_overcurrent_opens_the_contactors(rig: Rig) -> None:
    """Current really drawn by the drive, not only a sensor's word."""
    limit = rig.limits["overcurrent_discharge"]
    operate_watched(rig, "overcurrent_discharge")
    rig.set("drive.enable", 1.0)
    rig.set("drive.current_request", surely_past(rig, "overcurrent_discharge"))
    rig.crosses("current_sensor.current", above=limit.threshold)
    expect_open(rig, "overcurrent_discharge")
    rig.bounded("current afterwards", abs(rig.truth("pack.current")), high=0.5, unit="A")


@pytest.mark.case(25)
def test_a_short_circuit_is_disconnected(rig: Rig) -> None:
    """A shorted DC link is answered as the highest overcurrent is, and afterwards no current flows.

    What a hardware path does within microseconds no bus shows; that is measured on the bench.
    """
    limit = rig.limits["overcurrent_discharge"]
    operate_watched(rig, "overcurrent_discharge")
    with rig.fault("link.short"):
        rig.crosses("current_sensor.current", above=limit.threshold)
        expect_open(rig, "overcurrent_discharge")
        rig.bounded("current afterwards", abs(rig.truth("pack.current")), high=0.5, unit="A")


@pytest.mark.case(24, 32)
def test_a_spike_of_regeneration_does_not_trip(rig: Rig) -> None:
    """A spike above the charge limit that is shorter than the debounce is driven through."""
    limit = rig.limits["overcurrent_charge"]
    lasts = PROTECTIONS["overcurrent_charge"].transient(rig, 50)
    operate_watched(rig, "overcurrent_charge")
    rig.set("drive.enable", 1.0)
    start_ns = rig.now_ns
    for _ in range(3):
        rig.set("drive.current_request", -surely_past(rig, "overcurrent_charge"))
        rig.crosses("current_sensor.current", below=-limit.threshold)
        rig.run_for(lasts)  # and the sensor is a cycle or two late at both ends
        rig.set("drive.current_request", 0.0)
        rig.run_for("1 s")
    count = frames_with(rig, "fault.overcurrent_charge", 1, start_ns)
    rig.bounded("frames with the fault set", count, high=0)
    rig.stays("state", "operate", for_="500 ms")


@pytest.mark.case(26, 28)
@pytest.mark.parametrize("name", ["overtemperature_discharge", "undertemperature_discharge"])
def test_every_single_temperature_sensor_counts(rig: Rig, name: str) -> None:
    """The hottest and the coldest sensor count, not the average: all of them warn, the outer ones trip."""
    limit = rig.limits[name]
    require_watched(rig, name, "standby")
    warning = (limit.warning + limit.threshold) / 2
    for sensor in range(1, rig.temperature_sensors + 1):
        with rig.fault("temperature", sensor=sensor, value=warning):
            rig.expect(f"warning.{name}", True, within=limit.delay)
        rig.expect(f"warning.{name}", False, within=limit.delay, since=rig.mark("temperature normal"))
    for sensor in (1, rig.temperature_sensors):
        value = PROTECTIONS[name].past(rig, limit.threshold)
        with rig.fault("temperature", sensor=sensor, value=value):
            rig.expect(f"fault.{name}", True, within=limit.delay)
        rig.run_for(limit.delay + limit.reaction)  # as long as it took to trip, the cause must be gone
        rig.reset_faults()


@pytest.mark.parametrize(
    ("state", "name"),
    [
        pytest.param("operate", "overtemperature_discharge", marks=pytest.mark.case(26, 28)),
        pytest.param("operate", "undertemperature_discharge", marks=pytest.mark.case(28)),
        pytest.param("charge", "overtemperature_charge", marks=pytest.mark.case(26, 28)),
        pytest.param("charge", "undertemperature_charge", marks=pytest.mark.case(27, 28)),
    ],
)
def test_every_single_temperature_sensor_opens_the_contactors(rig: Rig, state: str, name: str) -> None:
    """No sensor is too hot or too cold unseen while current may flow, and the BMS says which one it was.

    All of them in operation; for charging, which takes longer to begin, the two at the ends and one between.
    """
    limit = rig.limits[name]
    require_watched(rig, name, state)
    value = PROTECTIONS[name].past(rig, limit.threshold)
    number = "cell.temperature_max_sensor" if limit.above else "cell.temperature_min_sensor"
    last = rig.temperature_sensors
    struck = range(1, last + 1) if state == "operate" else sorted({1, (last + 1) // 2, last})
    for sensor in struck:
        enter(rig, state)
        with rig.fault("temperature", sensor=sensor, value=value):
            flagged = rig.expect(f"fault.{name}", True, within=limit.delay)
            for contactor in closed_contactors(rig, flagged.stimulus_ns):
                rig.expect(f"contactor.{contactor}", "open", within=limit.delay + limit.reaction)
            if rig.has(number):
                rig.expect(number, sensor, within="2 s", already=True)
        rig.run_for(limit.delay)
        rig.reset_faults()


@pytest.mark.case(27)
def test_a_cold_pack_is_not_charged(rig: Rig) -> None:
    """Below the charging temperature no contactor closes for a charger, or none for longer than promised."""
    limit = rig.limits["undertemperature_charge"]
    with rig.fault("temperature", sensor=1, value=surely_past(rig, "undertemperature_charge")):
        rig.run_for(max(limit.delay, 2_000_000_000))
        rig.set("charger.plugged", 1.0)
        rig.on_wire(rig.request("mode", "charge"))
        if limit.may_close:
            rig.run_for(rig.limits["precharge"].timeout + limit.delay + limit.reaction)
        rig.never("contactor.main_plus", "closed", for_=2 * (limit.delay + limit.reaction))
        rig.bounded("charging current", abs(rig.truth("charger.current")), high=0.1, unit="A")


@pytest.mark.case(29)
@_each()
def test_the_warning_level_warns_and_nothing_more(rig: Rig, protection: Protection) -> None:
    """Past the warning level the warning is set; the contactors stay closed."""
    limit = rig.limits[protection.limit]
    nearest = limit.derate if limit.has("derate") else limit.threshold
    activate(rig, protection)
    value = protection.taken_for(rig, (limit.warning + nearest) / 2)
    with protection.provoke(rig, value):
        rig.expect(f"warning.{protection.limit}", True, within=limit.delay)
        start_ns = rig.now_ns
        rig.stays("contactor.main_plus", "closed", for_=limit.delay + limit.reaction)
        count = frames_faulty(rig, protection.limit, start_ns)
        rig.bounded("frames with the fault set", count, high=0)


@pytest.mark.case(30)
@_each(*(p.limit for p in PROTECTIONS.values() if p.derates))
def test_the_derating_level_reduces_the_current_limit(rig: Rig, protection: Protection) -> None:
    """Past the derating level less current is allowed; the contactors stay closed."""
    limit = rig.limits[protection.limit]
    activate(rig, protection)
    before = rig.value(protection.derates)
    value = protection.taken_for(rig, (limit.derate + limit.threshold) / 2)
    with protection.provoke(rig, value):
        rig.run_for(limit.delay)
        after = rig.value(protection.derates)
        rig.bounded(protection.derates, after, low=0.0, high=before * 0.9, unit="A")
        rig.stays("contactor.main_plus", "closed", for_="1 s")


@pytest.mark.case(31)
@pytest.mark.parametrize(("state", "name"), _IN_EACH_STATE)
def test_the_same_fault_in_each_state(rig: Rig, state: str, name: str) -> None:
    """Slow and fast faults are answered in standby, in precharge and while it charges as in operation."""
    require_watched(rig, name, state)
    fault = break_(rig, name)
    if state == "precharge":
        rig.request("mode", "operate")
        rig.expect("state", "precharge", within=rig.limits["precharge"].timeout)
        rig.expect("contactor.main_minus", "closed", within=rig.limits["precharge"].timeout, already=True)
    else:
        enter(rig, state)
    start_ns = rig.now_ns
    with fault:
        expect_open(rig, name)
        _expect_states(rig, start_ns, {state, "fault"} | ({"operate"} if state == "precharge" else set()))
        rig.request("mode", "operate")
        rig.stays("contactor.main_plus", "open", for_="2 s")


def _expect_states(rig: Rig, start_ns: int, known: set[str]) -> None:
    """No other state was on the way into the fault; a precharge may be through before its delay is."""
    role = rig.config.roles["state"]
    shown = [role.name_of(value) for _, value in rig.history("state", start_ns)]
    passing = set(role.values or ()) - _STATES  # such as "opening": the rig file knows it
    others = sum(name not in known | passing for name in shown)
    rig.bounded(f"frames with a state other than {', '.join(sorted(known))}", others, high=0)
    rig.bounded("frames with the fault state", shown.count("fault"), low=1)


@pytest.mark.case(32)
@_each()
def test_transients_below_the_debounce_are_ignored(rig: Rig, protection: Protection) -> None:
    """Bursts of 60 % of the delay do not trip, and their counter decays in the pauses."""
    limit = rig.limits[protection.limit]
    value, lasts = protection.past(rig, limit.threshold), protection.transient(rig, 60)
    activate(rig, protection)
    start_ns = rig.now_ns
    for _ in range(4):
        with protection.provoke(rig, value) as stimulus:
            rig.on_wire(stimulus)
            rig.run_for(lasts)
        rig.run_for(limit.delay * 2)
    count = frames_faulty(rig, protection.limit, start_ns)
    rig.bounded("frames with the fault set", count, high=0)
    rig.stays("contactor.main_plus", "closed", for_="500 ms")


@pytest.mark.case(33)
def test_a_warning_does_not_chatter_at_its_threshold(rig: Rig) -> None:
    """A value that trembles by one step around the warning level switches the warning on, once."""
    limit = rig.limits["cell_overvoltage"]
    tremble = max(_RAMP_V, rig.resolution("cell_monitor.voltage[1]"))
    start_ns = rig.now_ns
    protection = PROTECTIONS["cell_overvoltage"]
    activate(rig, protection)
    level = protection.taken_for(rig, limit.warning)
    with rig.fault("cell.voltage", cell=1, value=level + tremble):  # held: no frame shows the truth
        rig.run_for(limit.delay + limit.reaction)
        for _ in range(12):
            with rig.fault("cell.voltage", cell=1, value=level - tremble):
                rig.run_for(limit.transient(60))
            rig.run_for(limit.transient(60))
    states = [seen for _, seen in rig.history("warning.cell_overvoltage", start_ns)]
    changes = sum(a != b for a, b in itertools.pairwise(states))
    rig.bounded("switches of the warning", changes, low=1, high=1)


@pytest.mark.case(33, 45)
@_each("cell_overvoltage", "cell_undervoltage", "overtemperature_discharge")
def test_no_reset_before_the_release_level(rig: Rig, protection: Protection) -> None:
    """Between threshold and release level the fault cannot be reset; beyond it, it can."""
    limit = rig.limits[protection.limit]
    _skip_unless_reset(rig, protection.limit)
    held = (limit.threshold + limit.release) / 2
    activate(rig, protection)
    with protection.provoke(rig, protection.past(rig, limit.threshold)):
        rig.expect(f"fault.{protection.limit}", True, within=limit.delay)
    with protection.provoke(rig, held):
        rig.run_for(limit.delay + limit.reaction)
        rig.request("mode", "standby")
        asked_ns = rig.now_ns
        rig.pulse_reset()
        rig.stays(f"fault.{protection.limit}", True, for_="1 s")
        gone = frames_with(rig, f"fault.{protection.limit}", 0, asked_ns)
        rig.bounded("frames without the fault since the reset", gone, high=0)
    rig.run_for(limit.delay + limit.reaction)
    rig.reset_faults()
    fault = f"fault.{protection.limit}"
    rig.expect(fault, False, within=max(500_000_000, 2 * rig.cycle_ns(fault)))


@pytest.mark.case(45)
def test_a_fault_needs_both_its_cause_gone_and_a_reset(rig: Rig) -> None:
    """Neither the end of the cause alone nor a reset alone leaves the fault state."""
    limit = rig.limits["cell_overvoltage"]
    _skip_unless_reset(rig, "cell_overvoltage")
    activate(rig, PROTECTIONS["cell_overvoltage"])
    with rig.fault("cell.voltage", cell=1, value=surely_past(rig, "cell_overvoltage")):
        rig.expect("state", "fault", within=limit.delay + limit.reaction)
        rig.request("mode", "standby")
        rig.pulse_reset()
        rig.stays("state", "fault", for_="2 s")
    rig.stays("state", "fault", for_="3 s")
    for contactor in contactors(rig):
        rig.stays(f"contactor.{contactor}", "open", for_="100 ms")
    rig.reset_faults()
    rig.operate()


def _skip_unless_reset(rig: Rig, name: str) -> None:
    clears = rig.limits.beside(name).clears
    if clears != "reset":
        pytest.skip(f"the rig file has {name!r} cleared by {clears!r}")


@pytest.mark.case(45)
def test_a_fault_is_cleared_as_promised(rig: Rig) -> None:
    """Where it is not by a reset: by itself beyond the release level, or by service only."""
    limits = {name: rig.limits.beside(name) for name in PROTECTIONS if name in rig.config.limits}
    others = [name for name, limit in limits.items() if limit.clears != "reset" and limit.has("threshold")]
    if not others:
        pytest.skip("the rig file lets a reset clear each limit")
    for name in others:
        limit, protection = rig.limits[name], PROTECTIONS[name]
        activate(rig, protection)
        with protection.provoke(rig, protection.past(rig, limit.threshold)):
            rig.expect(f"fault.{name}", True, within=limit.delay)
        rig.run_for(limit.delay + limit.reaction)
        if limit.clears == "self":
            rig.stays(f"fault.{name}", False, for_="1 s")
        else:
            rig.request("mode", "standby")
            rig.pulse_reset()
            rig.stays(f"fault.{name}", True, for_="1 s")
        rig.power_on()
