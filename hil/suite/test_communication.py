"""F. Communication: what the BMS sends, and what it does when others do not."""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager, ExitStack
from statistics import pstdev
from typing import Any

import pytest

from hil import NotOfferedError, Rig
from hil.suite.protections import (
    AMPERES,
    CELLS,
    PROTECTIONS,
    Reading,
    activate,
    break_,
    expect_known_states,
    family_of,
    frames_with,
    longest_gap_ns,
    require_watched,
    surely_past,
)

_SPAN_NS = 12_000_000_000
_BACK_MS = 200.0  # data is back after a burst of errors, beyond its cycle
_BACK = "2 s"  # data of a node that was silent is back, all cells shown in turn
_LEAST_NS = 1_000_000_000  # what was wrong is right again
_MANY_MODES = 16
_MANY_FRAMES = 50  # in a minute: of these messages a mean and a deviation say something


@pytest.mark.case(54)
@pytest.mark.parametrize("state", ["standby", "operate"])
def test_every_message_of_the_bms_is_on_time(rig: Rig, state: str) -> None:
    """Each message comes, its mean cycle and its longest gap within the tolerance."""
    tolerance = rig.limits["cycle"].tolerance
    if state == "operate":
        rig.operate()
    rig.run_for("1 s")
    start_ns = rig.now_ns
    rig.run_for(max(_SPAN_NS, 4 * max(rig.messages.of_bms().values(), default=0)))
    for message, cycle_ns in rig.messages.of_bms().items():
        arrivals = rig.messages.arrivals(message, start_ns)
        rig.bounded(f"frames of {message}", len(arrivals), low=3)
        gaps = [(b - a) / 1e6 for a, b in itertools.pairwise(arrivals)]
        cycle = cycle_ns / 1e6
        low, high = cycle * (1 - tolerance), cycle * (1 + tolerance)
        mean = sum(gaps) / len(gaps)
        rig.bounded(f"mean cycle of {message}", mean, low=low, high=high, unit="ms")
        rig.bounded(f"shortest gap of {message}", min(gaps), low=low, unit="ms")
        longest = longest_gap_ns(arrivals, start_ns, rig.now_ns) / 1e6
        rig.bounded(f"longest gap of {message}", longest, high=high, unit="ms")


@pytest.mark.case(56)
def test_a_missing_message_is_noticed(rig: Rig, family: str) -> None:
    """Without a message that it needs, the BMS opens in time rather than trust old data."""
    limit = rig.limits["frame_timeout"]
    for message, timeout in _members(rig, family):
        rig.operate()
        rig.run_for(2 * rig.messages.cycle_ns(message))
        with rig.fault("frame.missing", message=message):
            rig.expect("fault.frame_timeout", True, within=timeout + limit.reaction)
            rig.expect("contactor.main_plus", "open", within=timeout + limit.reaction)
        rig.settle(_believed_ns(rig, message))
        rig.reset_faults()


@pytest.mark.case(57)
@pytest.mark.parametrize("how", ["crc", "frozen", "skip", "repeat"])
def test_a_message_with_broken_protection_is_rejected(rig: Rig, family: str, how: str) -> None:
    """Wrong checksums and counters are rejected, and are a fault after n in a row."""
    limit = rig.limits["e2e"]
    # a sender that repeats is wrong in every second frame only, and takes longer to be sure of
    frames = int(limit.number("count")) * (3 if how == "repeat" else 1)
    members = [m for m, _ in _members(rig, family) if how != "crc" or rig.messages.has_checksum(m)]
    if not members:
        pytest.skip(f"{family} has a counter but no checksum")
    for message in members:
        within = frames * rig.messages.cycle_ns(message) + limit.reaction
        rig.operate()
        with _broken(rig, message, how):
            rig.expect("fault.e2e", True, within=within)
            rig.expect("contactor.main_plus", "open", within=within + limit.reaction)
        rig.settle(_believed_ns(rig, message))
        rig.reset_faults()


def _members(rig: Rig, family: str) -> list[tuple[str, int]]:
    messages = rig.limits["frame_timeout"].messages
    return [(name, timeout) for name, timeout in messages.items() if family_of(name) == family]


def _believed_ns(rig: Rig, *messages: str) -> int:
    """In what time messages that were wrong or silent are believed again.

    One frame tells where its counter stands, and as many good ones as bad ones made the fault follow.
    """
    promise = rig.limits.beside("e2e") if rig.has("e2e") else None
    frames = 1 + int(promise.number("count")) if promise is not None and promise.has("count") else 2
    return max(_LEAST_NS, *(frames * rig.messages.cycle_ns(message) for message in messages))


def _broken(rig: Rig, message: str, how: str) -> AbstractContextManager[Any]:
    if how == "crc":
        return rig.fault("frame.crc", message=message)
    return rig.fault("frame.counter", message=message, mode=how)


@pytest.mark.case(57)
@pytest.mark.parametrize("how", ["crc", "frozen", "skip"])
@pytest.mark.parametrize("name", ["cell_overvoltage", "overcurrent_discharge", "isolation", "interlock"])
def test_data_of_a_rejected_frame_is_not_used(rig: Rig, name: str, how: str) -> None:
    """What is past a limit in frames with a wrong checksum or counter is not past it."""
    limit = rig.limits[name]
    rig.limits.beside("e2e")
    message = rig.messages.carrying(_carried_by(rig, name))
    if how == "crc" and not rig.messages.has_checksum(message):
        pytest.skip(f"the rig file has {message} without a checksum")
    require_watched(rig, name, "operate")
    fault = break_(rig, name)
    rig.operate()
    start_ns = rig.now_ns
    with _broken(rig, message, how), fault:
        rig.run_for(limit.delay + limit.reaction + 2 * rig.cycle_ns(f"fault.{name}"))
    count = frames_with(rig, f"fault.{name}", 1, start_ns)
    rig.bounded("frames with the fault set", count, high=0)
    if name == "cell_overvoltage" and rig.has("cell.voltage_max"):
        highest = max(volts for _, volts in rig.history("cell.voltage_max", start_ns))
        rig.bounded("highest cell voltage reported", highest, high=limit.threshold, unit="V")


def _carried_by(rig: Rig, name: str) -> str:
    """The port in whose message a fault by :func:`break_` shows."""
    return {
        "cell_overvoltage": f"cell_monitor.voltage[{rig.cells // 2}]",
        "overcurrent_discharge": "current_sensor.current",
        "isolation": "isolation.plus",
        "interlock": "interlock.closed",
    }[name]


@pytest.mark.case(57)
def test_one_bad_frame_is_tolerated(rig: Rig) -> None:
    """A single frame with a wrong checksum changes nothing but its own rejection."""
    message = rig.messages.carrying("cell_monitor.voltage[1]")
    cycle_ns = rig.messages.cycle_ns(message)
    rig.operate()
    start_ns = rig.now_ns
    for _ in range(3):
        with rig.fault("frame.crc", message=message) as stimulus:
            rig.on_wire(stimulus)
        rig.run_for(5 * cycle_ns)
    rig.bounded("frames with fault.e2e set", frames_with(rig, "fault.e2e", 1, start_ns), high=0)
    rig.stays("state", "operate", for_="500 ms")


@pytest.mark.case(58)
@pytest.mark.parametrize("left", ["nothing", "half", "nearly-all"])
def test_a_frame_of_a_wrong_length_is_not_used(rig: Rig, left: str) -> None:
    """Frames that are too short are as good as none: a fault, and no value out of them."""
    message = rig.messages.carrying("cell_monitor.voltage[1]")
    shorter = rig.messages.shorter(message)
    place = {"nothing": 0, "half": (len(shorter) - 1) // 2, "nearly-all": -1}[left]
    timeout = rig.limits["frame_timeout"]
    rig.require("cell.voltage[1]")
    rig.operate()
    before = rig.value("cell.voltage[1]")
    most = 2 * CELLS.error(rig, before)  # either of the two readings may be off
    with rig.fault("frame.length", message=message, length=shorter[place]) as stimulus:
        rig.expect("state", "fault", within=max(timeout.messages.values()) + timeout.reaction, since=stimulus)
        shown = [volts for _, volts in rig.history("cell.voltage[1]", stimulus.applied_ns) if volts < 8.0]
        off = max((abs(volts - before) for volts in shown), default=0.0)
        rig.bounded("voltage shown meanwhile, off", off, high=max(0.02, most), unit="V")


@pytest.mark.case(58)
def test_a_message_that_is_too_short_is_as_good_as_none(rig: Rig, family: str) -> None:
    """One byte less than a message has, whichever it is: the BMS opens in time, as if it had not come."""
    limit = rig.limits["frame_timeout"]
    for message, timeout in _members(rig, family):
        shorter = rig.messages.shorter(message)
        rig.operate()
        rig.run_for(2 * rig.messages.cycle_ns(message))
        with rig.fault("frame.length", message=message, length=shorter[-1]):
            rig.expect("state", "fault", within=timeout + limit.reaction)
            rig.expect("contactor.main_plus", "open", within=timeout + limit.reaction)
        rig.settle(_believed_ns(rig, message))
        rig.reset_faults()


@pytest.mark.case(58)
def test_a_message_that_is_too_long_leaves_nothing_undefined(rig: Rig) -> None:
    """A later version may say more: taken as it is, or as none, in a known state; then all is as before."""
    watched = rig.limits["frame_timeout"].messages
    first = {family_of(message): message for message in sorted(watched, reverse=True)}.values()
    longer = {message: lengths[0] for message in first if (lengths := rig.messages.longer(message))}
    if not longer:
        pytest.skip("the rig file has each message as long as a frame can be")
    for message, length in longer.items():
        rig.operate()
        with rig.fault("frame.length", message=message, length=length) as stimulus:
            rig.run_for(watched[message] + 2 * rig.cycle_ns("state"))
        rig.bounded("frames with the state", len(rig.history("state", stimulus.applied_ns)), low=1)
        expect_known_states(rig, stimulus.applied_ns)
        rig.settle(_believed_ns(rig, message))
        rig.reset_faults()
    rig.operate()


@pytest.mark.case(56)
def test_a_frame_lost_now_and_then_is_tolerated(rig: Rig) -> None:
    """One frame in 25 lost is no reason to disconnect: counters go on, no time-out comes near."""
    message = rig.messages.carrying("cell_monitor.voltage[1]")
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("frame.lost", message=message, share=0.04):
        rig.run_for("10 s")
    count = frames_with(rig, "fault.frame_timeout", 1, start_ns)
    rig.bounded("frames with fault.frame_timeout set", count, high=0)


@pytest.mark.case(55)
def test_the_cycle_does_not_jitter(rig: Rig) -> None:
    """Over a minute the mean cycle of each frequent message is exact; few gaps are off, and none far."""
    tolerance = rig.limits["cycle"].tolerance
    rig.run_for("1 s")
    start_ns = rig.now_ns
    rig.run_for("60 s")
    for message, cycle_ns in rig.messages.of_bms().items():
        arrivals = rig.messages.arrivals(message, start_ns)
        if len(arrivals) < _MANY_FRAMES:
            continue
        mean = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
        off = abs(mean / cycle_ns - 1)
        rig.bounded(f"mean cycle of {message}, off", off, high=tolerance / 10)
        gaps = [(b - a) / 1e6 for a, b in itertools.pairwise(arrivals)]
        cycle = cycle_ns / 1e6
        rig.bounded(f"longest gap of {message}", max(gaps), high=cycle * (1 + tolerance), unit="ms")
        sigma, most = pstdev(gaps), cycle * tolerance / 2
        rig.bounded(f"standard deviation of the gaps of {message}", sigma, high=most, unit="ms")


@pytest.mark.case(56)
def test_a_late_message_within_its_time_is_tolerated(rig: Rig, family: str) -> None:
    """Half of what its time-out leaves is no reason to disconnect."""
    message, timeout = _members(rig, family)[0]
    cycle_ns = rig.messages.cycle_ns(message)
    if timeout < 2 * cycle_ns:
        pytest.skip(f"the time-out of {message} leaves no room for a late frame")
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("frame.delay", message=message, delay=(timeout - cycle_ns) // 2):
        rig.run_for(2 * timeout)
    _expect_no_fault(rig, start_ns)


@pytest.mark.case(57)
def test_a_second_sender_is_noticed(rig: Rig) -> None:
    """Two nodes that send one message, each rightly protected, contradict each other's counters."""
    limit = rig.limits["e2e"]
    port = "cell_monitor.voltage[1]"
    message, signal = rig.messages.place_of(port)
    within = 3 * int(limit.number("count")) * rig.messages.cycle_ns(message) + limit.reaction
    rig.operate()
    with rig.fault("frame.masquerade", message=message, signal=signal, value=rig.value(port)):
        rig.expect("fault.e2e", True, within=within)
        rig.expect("contactor.main_plus", "open", within=within + limit.reaction)


@pytest.mark.case(58)
def test_a_value_out_of_its_range_leaves_nothing_undefined(rig: Rig) -> None:
    """Whichever signal says what its DBC forbids: the BMS's state is known, and it can be used again."""
    rig.require("state")
    watched = sorted(rig.limits["frame_timeout"].messages, reverse=True)
    first = {family_of(message): message for message in watched}.values()  # the others of a family are alike
    places = sorted({(wire.message, wire.signal) for wire in rig.config.wires if wire.message in first})
    struck = [
        _is_sound_beyond(rig, message, signal, side)
        for message, signal in places
        for side in ("above", "below")
    ]
    if not any(struck):
        pytest.skip("no signal that the rig file wires has room for what is out of its range")


def _is_sound_beyond(rig: Rig, message: str, signal: str, side: str) -> bool:
    """Let a signal leave its range for a second, from operation to operation; whether it has room to."""
    rig.operate()
    with ExitStack() as out:
        try:
            fault = rig.fault("frame.out_of_range", message=message, signal=signal, side=side)
            stimulus = out.enter_context(fault)
        except NotOfferedError:
            return False
        rig.run_for(max(1_000_000_000, 3 * rig.cycle_ns("state")))
    rig.bounded("frames with the state", len(rig.history("state", stimulus.applied_ns)), low=1)
    expect_known_states(rig, stimulus.applied_ns)
    rig.settle(_believed_ns(rig, message))
    rig.reset_faults()
    return True


@pytest.mark.case(58)
def test_reserved_bits_change_nothing(rig: Rig, family: str) -> None:
    """What a later version of a message may use is not looked at."""
    message, _ = _members(rig, family)[0]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("frame.reserved", message=message):
        rig.run_for("2 s")
    _expect_no_fault(rig, start_ns)


@pytest.mark.case(58, 62)
@pytest.mark.parametrize("state", ["standby", "operate", "charge", "fault"])
def test_a_mode_that_does_not_exist_changes_nothing(rig: Rig, state: str) -> None:
    """No mode that the DBC does not know brings the BMS anywhere new, and it goes on to listen."""
    rig.require("mode")
    if not rig.config.manner("mode").owns_signal:
        pytest.skip("the rig file asks for a mode by steps, with no signal of its own")
    _bring_to(rig, state)
    asked = rig.config.requests["mode"]
    for by in _beyond(rig):
        with rig.fault("frame.out_of_range", message=asked.message, signal=asked.signal, by=by):
            if state in ("standby", "fault"):
                rig.stays("state", state, for_="300 ms")
            else:  # to disconnect is a safe answer too
                rig.never("state", "fault", for_="300 ms")
    if state == "fault":
        rig.reset_faults()
    rig.standby()
    rig.operate()


def _bring_to(rig: Rig, state: str) -> None:
    if state == "fault":
        limit = rig.limits["cell_overvoltage"]
        activate(rig, PROTECTIONS["cell_overvoltage"])
        with rig.fault("cell.voltage", cell=1, value=surely_past(rig, "cell_overvoltage")):
            rig.expect("state", "fault", within=limit.delay + limit.reaction)
    elif state == "charge":
        rig.require("charge")
        rig.charge()
    elif state == "operate":
        rig.operate()


def _beyond(rig: Rig) -> list[int]:
    """By how much a mode may be above its signal's range: all that there is room for, or some of many."""
    asked = rig.config.requests["mode"]
    signal = rig.config.buses[asked.bus].database.messages[asked.message].signals[asked.signal]
    highest = signal.raw_bounds[1] - round((signal.maximum - signal.offset) / signal.scale)
    room = highest - (signal.not_available is not None)
    if room < 1:
        pytest.skip(f"each number that {signal.name} can hold is a mode")
    return [by for by in range(1, room + 1) if room <= _MANY_MODES or by.bit_count() == 1 or by == room]


@pytest.mark.case(63)
def test_every_multiplexed_group_comes(rig: Rig) -> None:
    """Each group of each multiplexed message comes once in as many frames as there are groups."""
    tolerance = rig.limits["cycle"].tolerance
    turns = {name: len(rig.messages.groups(name)) * cycle for name, cycle in rig.messages.of_bms().items()}
    if not any(turns.values()):
        pytest.skip("the BMS sends no multiplexed message")
    rig.run_for("1 s")
    start_ns = rig.now_ns
    rig.run_for(3 * max(turns.values()))
    for message, turn_ns in turns.items():
        longest_ms = turn_ns / 1e6 * (1 + tolerance)
        for group, arrivals in rig.messages.groups(message, start_ns).items():
            rig.bounded(f"frames of group {group} of {message}", len(arrivals), low=2)
            gap_ms = max((b - a) / 1e6 for a, b in itertools.pairwise(arrivals))
            rig.bounded(f"longest gap of group {group} of {message}", gap_ms, high=longest_ms, unit="ms")


@pytest.mark.parametrize(
    ("sensor", "role", "fault", "step", "reading"),
    [
        pytest.param(
            "cell_monitor", "cell.voltage[1]", ("cell.voltage", {"cell": 1}), -0.05, CELLS,
            marks=pytest.mark.case(50),
        ),
        pytest.param(
            "current_sensor", "measured.current", ("current", {}), 5.0, AMPERES,
            marks=pytest.mark.case(52),
        ),
    ],
    ids=["cell monitor", "current sensor"],
)  # fmt: skip
def test_a_sensor_that_comes_back_is_believed_again(
    rig: Rig, sensor: str, role: str, fault: tuple[str, dict[str, Any]], step: float, reading: Reading
) -> None:
    """Silent, it is missed in time; back, its new values are shown within the turn of what shows them."""
    timeout = rig.limits["frame_timeout"]
    rig.limits[reading.accuracy].number("tolerance")
    rig.require(role)
    wires = [wire for wire in rig.config.wires if wire.direction == "out"]
    sent = sorted({wire.message for wire in wires if wire.port.startswith(f"{sensor}.")})
    within = max(timeout.messages.get(message, 0) for message in sent) + timeout.reaction
    cycles = rig.messages.of_rig()  # the message that is missed first fell silent up to its cycle before
    slowest = max(sent, key=lambda message: cycles.get(message, 0))
    first = [wire.port for wire in wires if wire.message == slowest][:1]
    name, place = fault
    rig.operate()
    changed = rig.value(role) + step
    with ExitStack() as silence:
        missing = [("frame.missing", {"message": message}) for message in sent]
        silent = silence.enter_context(rig.faults(*missing))
        rig.expect("fault.frame_timeout", True, within=within, since=silent[-1], through=first)
        rig.expect("contactor.main_plus", "open", within=within, since=silent[-1], through=first)
        with rig.fault(name, **place, value=changed):
            rig.run_for("1 s")
            silence.close()
            back = rig.mark(f"the {sensor} is back")
            rig.run_for(_BACK)
            off = reading.error(rig, changed) + rig.resolution(role) / 2
            rig.agrees(role, changed, off, since=back)
    rig.run_for("1 s")
    rig.reset_faults()
    rig.operate()


@pytest.mark.case(59)
def test_a_burst_of_errors_changes_nothing(rig: Rig) -> None:
    """Error frames delay frames and lose none: no fault, and all data is back at once."""
    tolerance = rig.limits["cycle"].tolerance
    rig.operate()
    start_ns = rig.now_ns
    for _ in range(3):
        with rig.fault("bus.errors", count=20, bus=_bus(rig)):
            rig.run_for("500 ms")
    _expect_no_fault(rig, start_ns)
    for message, cycle_ns in rig.messages.of_bms().items():
        arrivals = rig.messages.arrivals(message, start_ns)
        longest = longest_gap_ns(arrivals, start_ns, rig.now_ns) / 1e6
        high = cycle_ns / 1e6 * (1 + tolerance) + _BACK_MS
        rig.bounded(f"longest gap of {message}", longest, high=high, unit="ms")


@pytest.mark.case(59)
def test_a_noisy_bus_is_tolerated(rig: Rig) -> None:
    """One frame in 20 destroyed and sent again is no reason to disconnect."""
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("bus.noise", share=0.05, bus=_bus(rig)):
        rig.run_for("5 s")
    _expect_no_fault(rig, start_ns)


@pytest.mark.case(60)
def test_it_is_back_after_bus_off(rig: Rig) -> None:
    """Off the bus for as short as may be: it goes on as before, and has not started anew."""
    rig.operate()
    before = rig.value("uptime") if rig.has("uptime") else None
    start_ns = rig.now_ns
    for _ in range(5):
        with rig.fault("bus.off", node="bms", bus=_bus(rig)):
            rig.run_for("1037 ms")  # no multiple of a cycle: each time it misses other frames
    _expect_no_fault(rig, start_ns)
    if before is not None:
        rig.bounded("uptime after bus-off", rig.value("uptime"), low=before)


@pytest.mark.case(60)
def test_the_others_back_before_the_time_out_are_trusted_again(rig: Rig) -> None:
    """Their controller is off the bus for half of the shortest time-out."""
    shortest_ns = _shortest_timeout(rig)
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("bus.off", node="rig", recovery=shortest_ns // 2, bus=_bus(rig)):
        rig.run_for("1 s")
    _expect_no_fault(rig, start_ns)


@pytest.mark.case(56, 60)
@pytest.mark.parametrize("how", ["bus-off", "babbling", "short"])
def test_a_bus_that_was_gone_is_no_bus_to_operate_on(rig: Rig, how: str) -> None:
    """Deaf for longer than its time-outs, the BMS has opened by itself, as its first frames then say."""
    timeout = rig.limits["frame_timeout"]
    gone_ns = 2 * _shortest_timeout(rig) + timeout.reaction
    overdue = [message for message, timeout_ns in timeout.messages.items() if timeout_ns <= gone_ns]
    rig.operate()
    with _gone(rig, how, gone_ns):
        rig.run_for(gone_ns)
    rig.mark("the bus is back")
    for role, shown in (("contactor.main_plus", "open"), ("fault.frame_timeout", True)):
        rig.expect(role, shown, within=max(timeout.reaction, 2 * rig.cycle_ns(role)))
    rig.settle(_believed_ns(rig, *overdue))
    rig.reset_faults()
    rig.operate()


def _gone(rig: Rig, how: str, gone_ns: int) -> AbstractContextManager[Any]:
    if how == "bus-off":
        return rig.fault("bus.off", node="bms", recovery=gone_ns, bus=_bus(rig))
    return rig.fault(f"bus.{how}", bus=_bus(rig))


@pytest.mark.case(61)
@pytest.mark.parametrize("share", [0.8, 1.0])
def test_reactions_are_in_time_on_a_loaded_bus(rig: Rig, share: float) -> None:
    """With the bus filled up by others, all promises hold."""
    limit = rig.limits["cell_overvoltage"]
    with rig.fault("bus.load", share=share, bus=_bus(rig)):
        activate(rig, PROTECTIONS["cell_overvoltage"])
        rig.run_for("1 s")
        with rig.fault("cell.voltage", cell=rig.cells, value=surely_past(rig, "cell_overvoltage")):
            rig.expect("fault.cell_overvoltage", True, within=limit.delay)
            rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)


def _bus(rig: Rig) -> str:
    """The bus on which the BMS tells its state."""
    rig.require("state")
    return rig.config.roles["state"].bus


def _shortest_timeout(rig: Rig) -> int:
    """Of the messages on that bus which the BMS watches, in ns."""
    here = rig.config.buses[_bus(rig)].database.messages
    watched = [t_ns for name, t_ns in rig.limits["frame_timeout"].messages.items() if name in here]
    if not watched:
        pytest.skip("the BMS watches no message on the bus on which it tells its state")
    return min(watched)


def _expect_no_fault(rig: Rig, start_ns: int) -> None:
    """It has operated since then, and operates."""
    rig.bounded("frames with a fault shown", frames_with(rig, "fault", 1, start_ns), high=0)
    rig.stays("state", "operate", for_="300 ms")
