"""What a frame fault puts on the wire: late, doubled, gathered, out of range, by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from hil.bus.frame import Frame
from hil.errors import NotOfferedError, UsageError
from hil.faults.catalogue import make_fault
from hil.frames.bits import raw_in
from hil.host.world import World
from tests.hil.scripted import scripted_world

MS = 1_000_000
STATUS = "CM_Status"  # every 100 ms, with counter and checksum


@pytest.fixture
def world(laptop) -> Iterator[World]:
    world = scripted_world(laptop)
    world.power_on()
    world.run_until(300 * MS)
    return world


def frames(world: World, message: str, span_ms: int) -> list[Frame]:
    """Those on the wire in the time to come."""
    layout = world.database("pack").messages[message]
    since_ns = world.now_ns
    world.run_until(since_ns + span_ms * MS)
    return world.frames("pack", layout.key, since_ns + 1, world.now_ns)


def gaps_ms(found: list[Frame]) -> list[float]:
    return [(b.t_ns - a.t_ns) / MS for a, b in pairwise(found)]


def cycle_ms(world: World) -> float:
    return world.database("pack").messages[STATUS].cycle_ns / MS


def test_a_delay_shifts_all_frames(world):
    cycle = cycle_ms(world)
    last = world.last_frame(STATUS)
    fault = make_fault("frame.delay", {"message": STATUS, "delay": "130 ms"})
    stimulus = world.inject(fault)
    late = frames(world, STATUS, 1000)
    assert (late[0].t_ns - last.t_ns) / MS == pytest.approx(cycle + 130, abs=2)
    assert gaps_ms(late) == pytest.approx([cycle] * (len(late) - 1), abs=2)
    assert stimulus.on_wire_ns == late[0].t_ns
    world.clear(fault)
    after = frames(world, STATUS, 1000)
    assert gaps_ms(after) == pytest.approx([cycle] * (len(after) - 1), abs=2)  # what was late never comes
    assert len(after) == pytest.approx(1000 / cycle, abs=1)


def test_jitter_is_by_chance_and_keeps_the_order(world):
    checker = world.database("pack").messages[STATUS].e2e.checker()
    cycle = cycle_ms(world)
    fault = make_fault("frame.delay", {"message": STATUS, "delay": 0, "jitter": f"{2 * cycle:g} ms"})
    world.inject(fault)
    late = frames(world, STATUS, 4000)
    gaps = gaps_ms(late)
    assert max(gaps) > 1.2 * cycle > 0.8 * cycle > min(gaps)
    assert {checker.check(frame.data) for frame in late} == {"ok"}
    world.clear(fault)


def test_the_same_seed_jitters_alike(laptop):
    def stamps(seed: int) -> list[int]:
        world = scripted_world(laptop)
        world.power_on()
        world.inject(
            make_fault("frame.delay", {"message": STATUS, "delay": 0, "jitter": "90 ms", "seed": seed})
        )
        return [frame.t_ns for frame in frames(world, STATUS, 1000)]

    assert stamps(1) == stamps(1) != stamps(2)


def test_each_frame_comes_three_times(world):
    checker = world.database("pack").messages[STATUS].e2e.checker()
    fault = make_fault("frame.duplicate", {"message": STATUS, "times": 3})
    stimulus = world.inject(fault)
    found = frames(world, STATUS, 1000)
    assert [checker.check(frame.data) for frame in found] == ["ok", "repeated", "repeated"] * (
        len(found) // 3
    )
    assert stimulus.on_wire_ns == found[1].t_ns
    world.clear(fault)
    assert {checker.check(frame.data) for frame in frames(world, STATUS, 500)} == {"ok"}


def test_a_burst_after_silence(world):
    cycle = cycle_ms(world)
    fault = make_fault("frame.burst", {"message": STATUS, "count": 5})
    stimulus = world.inject(fault)
    found = frames(world, STATUS, round(10.5 * cycle))
    assert len(found) == 10
    gaps = gaps_ms(found)
    assert max(gaps[:4]) < 5
    assert gaps[4] == pytest.approx(5 * cycle, abs=5)
    assert stimulus.on_wire_ns == found[1].t_ns
    world.clear(fault)
    after = frames(world, STATUS, 1000)
    assert min(gaps_ms(after)) > 0.9 * cycle


def test_a_burst_gathers_on_when_a_delay_before_it_ends(world):
    """Its five frames come when they are due, and what the delay held back does not come at all."""
    cycle = cycle_ms(world)
    delay = make_fault("frame.delay", {"message": STATUS, "delay": "350 ms"})
    world.inject(delay)
    assert frames(world, STATUS, 200) == []
    world.inject(make_fault("frame.burst", {"message": STATUS, "count": 5}))
    assert frames(world, STATUS, 140) == []
    world.clear(delay)
    found = frames(world, STATUS, round(4 * cycle))
    assert len(found) == 5
    assert max(gaps_ms(found)) < 5


def test_what_a_delay_after_a_burst_has_held_back_goes_with_it(world):
    world.inject(make_fault("frame.burst", {"message": STATUS, "count": 5}))
    delay = make_fault("frame.delay", {"message": STATUS, "delay": "250 ms"})
    world.inject(delay)
    assert frames(world, STATUS, 220) == []
    world.clear(delay)
    assert frames(world, STATUS, round(3.5 * cycle_ms(world))) == []


def test_chance_goes_on_when_a_loss_before_it_ends(laptop):
    def stamps(*, with_another: bool) -> list[int]:
        world = scripted_world(laptop)
        world.power_on()
        other = make_fault("frame.lost", {"message": STATUS, "share": 0.3, "seed": 7})
        if with_another:
            world.inject(other)
        world.inject(make_fault("frame.lost", {"message": STATUS, "share": 0.5}))
        world.run_until(1000 * MS)
        world.clear(other)
        return [frame.t_ns for frame in frames(world, STATUS, 3000)]

    assert stamps(with_another=True) == stamps(with_another=False)


def test_a_value_out_of_range_is_rightly_protected(world):
    message = world.database("pack").messages[STATUS]
    signal, checker = message.signals["State"], message.e2e.checker()  # 0 to 2 in 4 bits
    fault = make_fault("frame.out_of_range", {"message": STATUS, "signal": "State"})
    stimulus = world.inject(fault)
    found = frames(world, STATUS, 500)
    assert {raw_in(message, signal, frame.data) for frame in found} == {int(signal.maximum) + 1}
    assert {checker.check(frame.data) for frame in found} == {"ok"}
    assert stimulus.on_wire_ns == found[0].t_ns
    world.clear(fault)
    assert raw_in(message, signal, frames(world, STATUS, 200)[-1].data) <= signal.maximum
    below = make_fault("frame.out_of_range", {"message": STATUS, "signal": "State", "side": "below"})
    with pytest.raises(NotOfferedError, match="can hold nothing below its range"):
        world.inject(below)


def test_reserved_bits(world):
    with_some = "CM_Status"
    sound = frames(world, with_some, 200)[-1]
    fault = make_fault("frame.reserved", {"message": with_some})
    stimulus = world.inject(fault)
    found = frames(world, with_some, 300)
    layout = world.database("pack").messages[with_some]
    assert found[-1].data != sound.data
    assert stimulus.on_wire_ns == found[0].t_ns
    assert layout.e2e.is_sealed(found[-1].data)
    told = layout.decode_dict(found[-1].data)
    for name, value in layout.decode_dict(sound.data).items():
        if layout.signals[name].e2e_role == "None":
            assert told[name] == pytest.approx(value, abs=2)
    world.clear(fault)
    full = next(
        m.name for m in world.database("pack").messages.values()
        if m.name in world.stations["pack"].restbus.entries
        and sum(s.length for s in m.signals.values()) == 8 * m.length
    )  # fmt: skip
    with pytest.raises(NotOfferedError, match="no reserved bits"):
        world.inject(make_fault("frame.reserved", {"message": full}))


def test_another_node_sends_the_message_too(world):
    message = world.database("pack").messages["CM_Voltages_01"]
    name = next(n for n, s in message.signals.items() if s.e2e_role == "None")
    fault = make_fault("frame.masquerade", {"message": message.name, "signal": name, "value": 3.0})
    stimulus = world.inject(fault)
    found = frames(world, message.name, 1000)
    by = {sender: [f for f in found if f.sender == sender] for sender in {f.sender for f in found}}
    assert set(by) == {"rig", "intruder"}
    assert abs(len(by["rig"]) - len(by["intruder"])) <= 1
    assert {message.decode_dict(f.data)[name] for f in by["intruder"]} == {3.0}
    assert all(message.decode_dict(f.data)[name] > 3.1 for f in by["rig"])
    for sent in by.values():  # each for itself is right, both together are not
        checker = message.e2e.checker()
        assert {checker.check(frame.data) for frame in sent} == {"ok"}
    checker = message.e2e.checker()
    assert {checker.check(frame.data) for frame in found} != {"ok"}
    assert stimulus.on_wire_ns == by["intruder"][0].t_ns
    world.clear(fault)
    assert {f.sender for f in frames(world, message.name, 500)} == {"rig"}


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("frame.delay", {"message": STATUS, "delay": 0}, "neither delay nor jitter is above 0"),
        ("frame.delay", {"message": STATUS, "delay": -5}, "is negative"),
        ("frame.delay", {"message": STATUS, "delay": 0.1}, "delay 0.1 is not a time such as '300 ms'"),
        ("frame.delay", {"message": "BMS_Status", "delay": "1 s"}, "does not send a message 'BMS_Status'"),
        ("frame.duplicate", {"message": STATUS, "times": 1}, "times 1 is not 2 to 100"),
        ("frame.burst", {"message": STATUS, "count": 101}, "count 101 is not 2 to 100"),
        ("frame.out_of_range", {"message": STATUS, "signal": "State", "side": "left"}, "no side 'left'"),
        ("frame.out_of_range", {"message": STATUS, "signal": "Stat"}, "has no signal 'Stat' to set"),
        ("frame.masquerade", {"message": STATUS, "signal": "State", "value": 99}, "cannot hold 99"),
    ],
)
def test_wrong_arguments(world, name, arguments, reason):
    with pytest.raises(UsageError) as caught:
        world.inject(make_fault(name, arguments))
    assert reason in str(caught.value)
