"""F. While a message is missing: what the BMS does, what it shows, and what it refuses."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import (
    closed_contactors,
    contactors,
    enter,
    family_of,
    fault_role,
    frames_with,
    operate_watched,
    require_watched,
)

_LEAST_NS = 1_000_000_000  # what must not happen is waited for
_OFFERS = ("limit.discharge_current", "limit.charge_current")


@pytest.mark.case(56)
def test_a_message_that_stays_away_keeps_everything_open(rig: Rig, family: str) -> None:
    """Neither a reset nor a request closes anything meanwhile, nor does the message's return by itself."""
    limit = rig.limits["frame_timeout"]
    message, timeout = _first_of(rig, family)
    shown = fault_role(rig, "frame_timeout")
    operate_watched(rig, "frame_timeout")
    rig.run_for(2 * rig.messages.cycle_ns(message))
    with rig.fault("frame.missing", message=message):
        rig.expect("fault.frame_timeout", True, within=timeout + limit.reaction)
        rig.expect("contactor.main_plus", "open", within=timeout + limit.reaction)
        rig.run_for(limit.reaction)
        start_ns = rig.now_ns
        if message not in {asked.message for asked in rig.config.requests.values()}:
            rig.request("mode", "standby")
            rig.pulse_reset()
            rig.request("mode", "operate")
        rig.run_for(max(_LEAST_NS, 3 * rig.cycle_ns(shown)))
        cleared = frames_with(rig, shown, 0, start_ns)
        rig.bounded(f"frames without {shown}", cleared, high=0)
        if limit.has("offered"):
            _expect_offered(rig, limit.number("offered"), start_ns)
        if limit.clears == "self":  # it may close again as soon as the message is back
            _expect_all_open(rig, start_ns)
            return
    rig.settle(_LEAST_NS)
    _expect_all_open(rig, start_ns)
    rig.reset_faults()


def _expect_all_open(rig: Rig, since_ns: int) -> None:
    for contactor in contactors(rig):
        closed = frames_with(rig, f"contactor.{contactor}", 1, since_ns)
        rig.bounded(f"frames with contactor.{contactor} closed", closed, high=0)


@pytest.mark.case(56)
def test_a_missing_message_is_noticed_while_it_charges(rig: Rig, family: str) -> None:
    """A charger is no reason to trust old data: everything opens in time."""
    limit = rig.limits["frame_timeout"]
    message, timeout = _first_of(rig, family)
    require_watched(rig, "frame_timeout", "charge")
    enter(rig, "charge")
    rig.run_for(2 * rig.messages.cycle_ns(message))
    with rig.fault("frame.missing", message=message):
        flagged = rig.expect("fault.frame_timeout", True, within=timeout + limit.reaction)
        for contactor in closed_contactors(rig, flagged.stimulus_ns):
            rig.expect(f"contactor.{contactor}", "open", within=timeout + limit.reaction)


@pytest.mark.case(56)
@pytest.mark.parametrize(
    ("promise", "port", "role"),
    [
        ("no_voltage", "cell_monitor.voltage[1]", "cell.voltage[1]"),
        ("no_temperature", "cell_monitor.temperature[1]", "cell.temperature[1]"),
    ],
    ids=["cell", "temperature"],
)
def test_what_is_missing_is_shown_as_missing(rig: Rig, promise: str, port: str, role: str) -> None:
    """No old value is told in place of one that is not heard of: it is the promised substitute."""
    limit = rig.limits["frame_timeout"]
    substitute = limit.number(promise)
    rig.require(role)
    message = rig.messages.carrying(port)
    if message not in limit.messages:
        pytest.skip(f"the rig file has no time-out of {message}")
    shown_ns = rig.cycle_ns(role)
    operate_watched(rig, "frame_timeout")
    with rig.fault("frame.missing", message=message) as missing:
        rig.on_wire(missing)
        rig.run_for(limit.messages[message] + limit.reaction + shown_ns)
        start_ns = rig.now_ns
        rig.run_for(3 * shown_ns)
    shown = [value for _, value in rig.history(role, start_ns)]
    most = max((abs(value - substitute) for value in shown), default=0.0)
    rig.bounded(f"frames with {role}", len(shown), low=1)
    rig.bounded(f"{role} shown, off its substitute", most, high=rig.resolution(role) / 2)


def _first_of(rig: Rig, family: str) -> tuple[str, int]:
    """A message of a family and its time-out; the others of the family are alike."""
    watched = rig.limits.beside("frame_timeout").messages
    return next((name, timeout) for name, timeout in watched.items() if family_of(name) == family)


def _expect_offered(rig: Rig, most: float, since_ns: int) -> None:
    """Since an instant no more current was offered than the rig file promises for a missing message."""
    for role in _OFFERS:
        if rig.has(role):
            offered = max((abs(value) for _, value in rig.history(role, since_ns)), default=0.0)
            rig.bounded(role, offered, high=most, unit="A")
