"""D. Contactors, precharge, interlock and isolation."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import (
    CONTACTORS,
    OHMS,
    PACK,
    PROTECTIONS,
    closed_contactors,
    expect_open,
    expect_opened,
    frames_faulty,
    frames_with,
    opening_ns,
    operate_watched,
    require_watched,
)

_ORDER = (("main_minus",), ("precharge",), ("main_plus",))  # where the rig file says no other
_LINK = "current_sensor.voltage_link"
_LOOKED_AT = ("contactor.main_minus.feedback", _LINK)  # before precharge begins
_WAITED_FOR = {"precharge": _LOOKED_AT, "main_plus": (*_LOOKED_AT, _LINK)}
_PLUS_IS_CLOSED = "contactor.main_plus.feedback"
_SLOWLY = 0.85  # from step to step of a slow loss
_STANDBY_NS = 1_000_000_000  # to open when that is asked for, where nothing is promised


@pytest.mark.case(35)
def test_precharge_closes_in_order(rig: Rig) -> None:
    """Main minus, precharge, main plus, or as the rig file says; the link is up before main plus closes."""
    limit = rig.limits["precharge"]
    groups = limit.order or _ORDER
    order = [shown for group in groups if (shown := [n for n in group if rig.has(f"contactor.{n}")])]
    start_ns = rig.now_ns
    rig.request("mode", "operate")
    for contactor in itertools.chain(*order):
        waits = _WAITED_FOR.get(contactor, ())
        rig.expect(f"contactor.{contactor}", "closed", within=limit.timeout, through=waits)
    share = rig.truth("link.voltage") / rig.truth("pack.voltage")
    closing = rig.mark("main plus closed")
    link, pack = (PACK.error(rig, rig.truth(port)) for port in ("link.voltage", "pack.voltage"))
    done = limit.number("done") - (link + pack) / rig.truth("pack.voltage")
    rig.bounded("link over pack voltage as main plus closes", share, low=done)
    rig.expect("contactor.precharge", "open", within=limit.timeout, since=closing, through=[_PLUS_IS_CLOSED])
    opened = (_PLUS_IS_CLOSED, "contactor.precharge.feedback")
    rig.expect("state", "operate", within=limit.timeout, since=closing, through=opened)
    rig.stays("contactor.precharge", "open", for_="500 ms")
    steps = [[_first_closed(rig, name, start_ns) for name in together] for together in order]
    pauses = [(min(after) - max(before)) / 1e6 for before, after in itertools.pairwise(steps)]
    if pauses:
        rig.bounded("shortest pause between two closings", min(pauses), low=1.0, unit="ms")


def _begin_precharge(rig: Rig) -> None:
    """Ask for driving, and wait until the precharge contactor is closed; reactions count from the request."""
    rig.request("mode", "operate")
    within = rig.limits["precharge"].timeout
    rig.expect("contactor.precharge", "closed", within=within, through=_LOOKED_AT)


def _first_closed(rig: Rig, contactor: str, since_ns: int) -> int:
    return next(t for t, seen in rig.history(f"contactor.{contactor}", since_ns) if seen == 1)


@pytest.mark.case(36)
@pytest.mark.parametrize(
    ("broken", "how"),
    [
        pytest.param("precharge.open", {}, id="resistor open"),
        pytest.param("link.short", {}, id="link shorted"),
        pytest.param("link.short", {"resistance": 100.0}, id="link loaded"),
    ],
)
def test_a_failed_precharge_is_aborted(rig: Rig, broken: str, how: dict[str, Any]) -> None:
    """No current, a shorted link and one that stays half way up all end the precharge."""
    limit = rig.limits["precharge"]
    start_ns = rig.now_ns
    ohms = how.get("resistance", 0.0)
    share = ohms / (ohms + rig.config.plant.link.precharge_Ohm)
    is_down = share < (limit.number("short") if limit.has("short") else 0.1)  # which is told sooner
    with rig.fault(broken, **how):
        _begin_precharge(rig)
        if is_down and limit.has("short_after"):
            rig.mark("precharge closed, and the link stays down")
            within = limit.time("short_after") + limit.reaction
        else:
            within = limit.timeout + limit.reaction
        rig.expect("fault.precharge", True, within=within)
        rig.run_for(limit.reaction)
        expect_opened(rig, (), limit.reaction)
        rig.stays("contactor.main_plus", "open", for_="2 s")
    count = frames_with(rig, "contactor.main_plus", 1, start_ns)
    rig.bounded("frames with main plus closed", count, high=0)
    rig.reset_faults()  # its cause is gone


@pytest.mark.case(37)
@pytest.mark.parametrize("contactor", CONTACTORS)
def test_a_welded_contactor_is_found_and_not_closed_again(rig: Rig, contactor: str) -> None:
    """A contactor that does not open is flagged in time, and the BMS does not close again."""
    limit = rig.limits["contactor_weld"]
    within: int
    if contactor == "precharge":
        _begin_precharge(rig)
        within = rig.limits["precharge"].timeout  # it is over when main plus is closed
    else:
        within = opening_ns(rig, _STANDBY_NS)
        rig.operate()
    with rig.fault("contactor.weld", contactor=contactor):
        if contactor == "precharge":
            asked = rig.mark("precharge closed, and welded")
        else:
            rig.run_for("200 ms")
            asked = rig.request("mode", "standby")
        waits = (_LINK, _PLUS_IS_CLOSED) if contactor == "precharge" else ()
        rig.expect(f"contactor.{contactor}", "open", within=within, since=asked, through=waits)
        rig.mark(f"{contactor} commanded open, but welded")
        rig.expect("fault.contactor_weld", True, within=limit.delay + limit.reaction)
        rig.run_for(limit.reaction)
        rig.request("mode", "operate")
        rig.stays("contactor.main_plus", "open", for_="3 s")


@pytest.mark.case(37)
def test_a_weld_that_the_feedback_hides_is_found_by_the_link_voltage(rig: Rig) -> None:
    """With main minus closed a link that is up shows a welded main plus, whatever its feedback says."""
    rig.require("contactor_weld", "contactor.main_plus.feedback")
    timeout = rig.limits["precharge"].timeout
    start_ns = rig.now_ns
    with (
        rig.fault("contactor.weld", contactor="main_plus"),
        rig.fault("port", port="contactor.main_plus.feedback", value=0.0),
    ):
        rig.run_for("500 ms")
        rig.request("mode", "operate")
        rig.expect("fault.contactor_weld", True, within=timeout)
        rig.never("state", "operate", for_="2 s")
    count = frames_with(rig, "contactor.main_plus", 1, start_ns)
    rig.bounded("frames with main plus closed", count, high=0)


@pytest.mark.case(38, 39)
@pytest.mark.parametrize("contactor", CONTACTORS)
def test_a_contactor_that_does_not_close_aborts_the_precharge(rig: Rig, contactor: str) -> None:
    """The feedback of each contactor is watched: no closing, no operation."""
    limit = rig.limits["contactor_feedback"]
    with rig.fault("contactor.stuck_open", contactor=contactor):
        rig.request("mode", "operate")
        waits = _WAITED_FOR.get(contactor, ())
        within = rig.limits["precharge"].timeout
        rig.expect(f"contactor.{contactor}", "closed", within=within, through=waits)
        rig.mark(f"{contactor} commanded closed, but stuck")
        flagged = rig.expect("fault.contactor_feedback", True, within=limit.delay + limit.reaction)
        expect_opened(rig, closed_contactors(rig, flagged.stimulus_ns), limit.delay + limit.reaction)
        rig.never("state", "operate", for_="2 s")


@pytest.mark.case(39)
@pytest.mark.parametrize("contactor", ["main_plus", "main_minus"])
def test_a_contactor_that_falls_open_is_noticed(rig: Rig, contactor: str) -> None:
    """Commanded closed and open by its feedback: in operation, too."""
    limit = rig.limits["contactor_feedback"]
    rig.require(f"contactor.{contactor}.feedback")
    rig.operate()
    with rig.fault("port", port=f"contactor.{contactor}.feedback", value=0.0):
        rig.expect("fault.contactor_feedback", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)


@pytest.mark.case(40)
@pytest.mark.parametrize("state", ["precharge", "operate"])
def test_an_open_interlock_opens_the_contactors(rig: Rig, state: str) -> None:
    """The interlock loop is answered in operation and in the middle of a precharge."""
    if state == "operate":
        operate_watched(rig, "interlock")
    else:
        require_watched(rig, "interlock", "precharge")
        _begin_precharge(rig)
    with rig.fault("interlock"):
        expect_open(rig, "interlock")


@pytest.mark.case(40, 32)
def test_bursts_on_the_interlock_are_rejected(rig: Rig) -> None:
    """Contact bounce shorter than the debounce does not stop a vehicle."""
    limit = rig.limits["interlock"]
    operate_watched(rig, "interlock")
    start_ns = rig.now_ns
    for _ in range(5):
        with rig.fault("interlock") as stimulus:
            rig.on_wire(stimulus)
            rig.run_for(limit.transient(40))
        rig.run_for(limit.delay * 3)
    rig.bounded("frames with the fault set", frames_faulty(rig, "interlock", start_ns), high=0)
    rig.stays("state", "operate", for_="500 ms")


@pytest.mark.case(44)
@pytest.mark.parametrize("state", ["standby", "precharge", "operate"])
def test_a_crash_opens_the_contactors_for_good(rig: Rig, state: str) -> None:
    """The crash signal is answered in each state; neither its end nor a reset makes the pack usable again."""
    limit = rig.limits["crash"]
    rig.require("crash", "fault.crash")
    if state == "operate":
        rig.operate()
    elif state == "precharge":
        _begin_precharge(rig)
    rig.request("crash", True)
    expect_open(rig, "crash")
    rig.request("crash", False)
    rig.request("mode", "standby")
    if limit.clears == "service":
        rig.run_for("500 ms")
        rig.pulse_reset()
        rig.stays("fault.crash", True, for_="1 s")
        rig.power_on(cold=False, reaches="fault")
    rig.request("mode", "operate")
    rig.stays("fault.crash", True, for_="500 ms")
    rig.never("contactor.main_plus", "closed", for_="2 s")


@pytest.mark.case(43)
@pytest.mark.parametrize("pole", ["plus", "minus"])
def test_a_sudden_loss_of_isolation_opens_the_contactors(rig: Rig, pole: str) -> None:
    """Either pole's isolation counts."""
    operate_watched(rig, "isolation")
    value = PROTECTIONS["isolation"].past(rig, rig.limits["isolation"].threshold)
    with rig.fault("isolation", pole=pole, value=value):
        expect_open(rig, "isolation")


@pytest.mark.case(43)
def test_a_slow_loss_of_isolation_warns_first(rig: Rig) -> None:
    """On its way down the isolation first warns, then opens the contactors at its threshold."""
    limit = rig.limits["isolation"]
    operate_watched(rig, "isolation")
    low, high = (OHMS.error(rig, level) for level in (limit.threshold, limit.warning))
    value = (limit.warning + high) / _SLOWLY
    tripped = warned = 0.0
    while value > _SLOWLY**2 * (limit.threshold - low) and not tripped:
        start_ns = rig.now_ns
        with rig.fault("isolation", pole="minus", value=value):
            rig.run_for(limit.delay + limit.reaction)
            if frames_with(rig, "warning.isolation", 1, start_ns):
                warned = warned or value
            if frames_with(rig, "fault.isolation", 1, start_ns):
                tripped = value
        value *= _SLOWLY
    for what, found, level, off in (
        ("trips", tripped, limit.threshold, low),
        ("warns", warned, limit.warning, high),
    ):
        least = _SLOWLY * (level - off)
        rig.bounded(f"isolation at which it {what}", found, low=least, high=level + off, unit="Ohm")
