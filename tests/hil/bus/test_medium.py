"""Arbitration, timing and delivery on the virtual wire."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.bus.arbitration import arbitration_key
from hil.bus.frame import ErrorFrame, Frame
from hil.bus.medium import Medium
from hil.bus.node import Node
from hil.bus.wire_time import frame_bits
from hil.clock import NS_PER_S, VirtualClock
from hil.errors import BusError
from tests.hil.bus.wire import BIT_NS, Wire


def test_the_lowest_identifier_wins_and_frames_take_their_time() -> None:
    wire = Wire("abl")
    a, b, _ = wire.nodes
    b.send(0x304, bytes.fromhex("3C3C3C3C3C3C3C3E"))
    a.send(0x123, bytes(8))
    wire.run()
    got = wire.heard["l"]
    assert [frame.id for frame in got] == [0x123, 0x304]
    assert got[0].t_ns == (125 - 3) * BIT_NS
    assert got[1].start_ns == 125 * BIT_NS
    assert got[1].t_ns == 125 * BIT_NS + (131 - 3) * BIT_NS


def test_a_sender_does_not_hear_itself_but_is_told_that_it_is_through() -> None:
    wire = Wire()
    sent: list[Frame] = []
    wire.nodes[0].on_sent = sent.append
    frame = wire.nodes[0].send(1, b"x")
    assert frame.t_ns == 0
    wire.run()
    assert sent == wire.heard["b"] == [frame]
    assert wire.heard["a"] == []
    assert wire.nodes[0].pending == 0


def test_a_frame_that_comes_during_the_intermission_takes_part() -> None:
    wire = Wire()
    a, b = wire.nodes
    first = a.send(0x100, bytes(8))
    a.send(0x200, b"")
    wire.clock.run_until(frame_bits(0x100, False, bytes(8)) * BIT_NS - BIT_NS)
    assert first.t_ns < wire.clock.now_ns
    b.send(0x001, b"")
    assert [frame.id for frame in wire.run()] == [0x100, 0x001, 0x200]


def test_a_frame_that_comes_too_late_waits() -> None:
    wire = Wire()
    wire.nodes[0].send(0x200, bytes(8))
    wire.clock.run_until(1)
    wire.nodes[1].send(0x001, b"")
    seen = wire.run()
    assert [frame.id for frame in seen] == [0x200, 0x001]
    assert seen[1].start_ns == seen[0].t_ns + 3 * BIT_NS


def test_equal_identifiers_keep_their_order() -> None:
    wire = Wire()
    for count in range(20):
        wire.nodes[count % 2].send(0x100, bytes([count]))
    assert [frame.data[0] for frame in wire.run()] == list(range(20))


def test_the_load_is_what_the_formula_says() -> None:
    wire = Wire()
    sent = [(0x100 + k, bytes(range(k % 9))) for k in range(200)]
    for identifier, data in sent:
        wire.nodes[0].send(identifier, data)
    wire.run(0.1)
    bits = sum(frame_bits(identifier, False, data) for identifier, data in sent)
    assert wire.medium.busy_bits == bits
    assert wire.medium.load(0, 0) == pytest.approx(bits / 500_000 / 0.1)


@pytest.mark.parametrize("bitrate", [83_333, 125_000, 250_000, 500_000, 800_000, 1_000_000])
def test_bit_rates(bitrate: int) -> None:
    wire = Wire(bitrate=bitrate)
    wire.nodes[0].send(0x123, bytes(8))
    assert wire.run()[0].t_ns == (125 - 3) * NS_PER_S // bitrate


def test_a_handler_may_answer_at_once() -> None:
    wire = Wire()
    a, b = wire.nodes

    def answer(frame: Frame) -> None:
        b.send(frame.id + 1, b"")

    b.on_frame = answer
    a.send(0x10, b"")
    seen = wire.run()
    assert [frame.id for frame in seen] == [0x10, 0x11]
    assert seen[1].start_ns == seen[0].t_ns + 3 * BIT_NS


def test_a_node_that_leaves_is_silent_and_deaf() -> None:
    wire = Wire("abc")
    a, b, _ = wire.nodes
    a.send(0x10, b"")
    a.send(0x11, b"")
    b.detach()
    a.detach()
    assert wire.run() == []
    assert a.pending == 0
    with pytest.raises(BusError, match="node a has left"):
        a.send(0x12, b"")


def test_a_full_queue_is_trouble() -> None:
    wire = Wire()
    for _ in range(512):
        wire.nodes[0].send(1, b"")
    with pytest.raises(BusError, match="512 frames waiting"):
        wire.nodes[0].send(1, b"")


@pytest.mark.parametrize(
    ("identifier", "extended", "data"), [(0x800, False, b""), (1 << 29, True, b""), (1, False, bytes(9))]
)
def test_what_is_no_classic_frame_is_refused_at_once(
    identifier: int, extended: bool, data: bytes
) -> None:
    wire = Wire()
    with pytest.raises(BusError, match="fit into"):
        wire.nodes[0].send(identifier, data, extended)
    assert wire.nodes[0].pending == 0


def test_a_withdrawn_frame_is_not_sent() -> None:
    wire = Wire()
    a = wire.nodes[0]
    frames = [a.send(identifier, b"") for identifier in (0x10, 0x11, 0x12)]
    wire.medium.withdraw(a, frames[1])
    assert [frame.id for frame in wire.run()] == [0x10, 0x12]
    assert a.pending == 0


sendings = st.lists(
    st.tuples(
        st.integers(0, 3_000_000),  # when, ns
        st.integers(0, 2),  # by whom
        st.integers(0, 15) | st.integers(0, 0x7FF),
        st.binary(max_size=8),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(sends=sendings, errors=st.integers(0, 12), seed=st.integers(0, 9), local=st.booleans())
def test_no_frame_is_lost_or_duplicated_or_overtaken(
    sends: list[tuple[int, int, int, bytes, bool]], errors: int, seed: int, local: bool
) -> None:
    wire = Wire("abc", seed)
    dice = random.Random(seed)
    wire.medium.disturb(
        lambda _: dice.random() < 0.3, count=errors or 1, at="c" if local else None
    )
    queued: list[tuple[int, Frame]] = []
    for at_ns, node, identifier, data, extended in sorted(sends):
        wire.clock.run_until(max(at_ns, wire.clock.now_ns))
        queued.append((wire.clock.now_ns, wire.nodes[node].send(identifier, data, extended)))
    wire.run()
    good = [frame for frame in wire.seen if not frame.error]
    assert Counter(map(id, good)) == Counter(id(frame) for _, frame in queued)
    for name, heard in wire.heard.items():
        assert [f for f in heard if not f.error] == [f for f in good if f.sender != name]
    assert_one_at_a_time(wire.seen)
    assert_urgent_first(queued)
    assert all(node.pending == 0 for node in wire.nodes)


def assert_one_at_a_time(seen: list[Frame]) -> None:
    for before, after in pairwise(seen):
        assert after.t_ns >= before.t_ns + 3 * BIT_NS
        if not (before.error or after.error):
            assert after.start_ns >= before.t_ns + 3 * BIT_NS


def assert_urgent_first(queued: list[tuple[int, Frame]]) -> None:
    """No frame started while a more urgent one had been waiting. Retried ones count by the last."""
    for _, frame in queued:
        for at_ns, other in queued:
            if at_ns < frame.start_ns < other.start_ns:
                mine, theirs = (arbitration_key(f.id, f.extended) for f in (frame, other))
                assert mine <= theirs


def test_equal_seeds_give_equal_wires_and_others_differ() -> None:
    def record(seed: int) -> list[tuple[int, int, bool]]:
        wire = Wire(seed=seed)
        wire.medium.disturb(count=10)
        for identifier in range(30):
            wire.nodes[identifier % 2].send(identifier, bytes(8))
        return [(f.t_ns, f.id, f.error) for f in wire.run()]

    assert record(1) == record(1)
    assert record(1) != record(2)


def test_the_medium_needs_a_bit_rate() -> None:
    with pytest.raises(BusError, match="bit rate 0"):
        Medium(VirtualClock(), bitrate=0)


def node_states(nodes: list[Node]) -> list[str]:
    return [node.state for node in nodes]


def test_error_frames_end_where_the_wrong_bit_says() -> None:
    wire = Wire()
    wire.medium.disturb(count=5)
    wire.nodes[0].send(0x100, bytes(8))
    wrecks = [frame for frame in wire.run() if isinstance(frame, ErrorFrame)]
    assert len(wrecks) == 5
    assert node_states(wire.nodes) == ["error-active"] * 2
    for wreck in wrecks:
        # the wrong bit, the error flag and its echo, the error delimiter
        assert wreck.t_ns - wreck.start_ns == (wreck.bit + 1 + 12 + 8) * BIT_NS
        assert wreck.cause == "bit"
