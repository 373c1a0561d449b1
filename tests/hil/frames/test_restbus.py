"""The restbus keeps its slots, reads its sources late, and says what it cannot send."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.errors import FrameError
from hil.frames.database import Message, load_database
from hil.frames.restbus import Entry, Restbus, Source, spread_phases

LAYOUTS = load_database([Path(__file__).parents[3] / "dbc" / "cell_monitor.dbc"]).messages
VOLTAGES = LAYOUTS["CM_Voltages_01"]
NAMES = [name for name in VOLTAGES.signals if name.startswith("Cell")]


def entry(message: Message = VOLTAGES, values: list[float] | None = None) -> Entry:
    cells = [3.3] * 4 if values is None else values
    return Entry(message, {name: Source(cells, place) for place, name in enumerate(NAMES)})


class Line:
    """Where a restbus under test sends to."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.sent: list[tuple[int, Frame]] = []

    def send(self, identifier: int, data: bytes, extended: bool, _format: int = 0) -> Frame:
        frame = Frame(identifier, data, extended)
        self.sent.append((self.clock.now_ns, frame))
        return frame


def test_slots_do_not_drift_over_an_hour() -> None:
    line = Line()
    message = replace(VOLTAGES, cycle_ns=30 * NS_PER_MS, offset_ns=7_123_457, e2e=None)
    Restbus(line.clock, line.send, [entry(message)]).start(5)
    line.clock.run_until(3600 * NS_PER_S)
    expected = range(5 + 7_123_457, 3600 * NS_PER_S, 30 * NS_PER_MS)
    assert [t_ns for t_ns, _ in line.sent] == list(expected)


def test_every_message_keeps_its_cycle_and_its_phase() -> None:
    line = Line()
    entries = [entry(message, [1.0] * 4) for message in LAYOUTS.values() if message.cycle_ns]
    phases = spread_phases([e.message for e in entries])
    Restbus(line.clock, line.send, entries).start(0)
    line.clock.run_until(2 * NS_PER_S)
    stamps = defaultdict(list)
    for t_ns, frame in line.sent:
        stamps[frame.key].append(t_ns)
    for e in entries:
        expected = range(phases[e.message.name], 2 * NS_PER_S, e.message.cycle_ns or 0)
        assert stamps[e.message.key] == list(expected)


def test_phases_spread_the_frames_of_one_cycle_time() -> None:
    phases = spread_phases([m for m in LAYOUTS.values() if m.cycle_ns == VOLTAGES.cycle_ns])
    assert len(set(phases.values())) == len(phases)


def test_a_phase_beyond_the_cycle_only_delays_the_first_frame() -> None:
    line = Line()
    message = replace(VOLTAGES, cycle_ns=10 * NS_PER_MS, offset_ns=25 * NS_PER_MS)
    Restbus(line.clock, line.send, [entry(message)]).start(0)
    line.clock.run_until(60 * NS_PER_MS)
    assert [t_ns // NS_PER_MS for t_ns, _ in line.sent] == [25, 35, 45, 55]


def test_stop_and_start_again() -> None:
    line = Line()
    restbus = Restbus(line.clock, line.send, [entry(replace(VOLTAGES, cycle_ns=10 * NS_PER_MS))])
    restbus.start(0)
    line.clock.run_until(25 * NS_PER_MS)
    restbus.stop()
    restbus.stop()
    line.clock.run_until(100 * NS_PER_MS)
    restbus.start(line.clock.now_ns)
    line.clock.run_until(115 * NS_PER_MS)
    assert [t_ns // NS_PER_MS for t_ns, _ in line.sent] == [0, 10, 20, 100, 110]


def test_a_message_without_a_cycle_is_refused() -> None:
    line = Line()
    with pytest.raises(FrameError, match="no cycle time"):
        Restbus(line.clock, line.send, [entry(replace(VOLTAGES, cycle_ns=None))]).start(0)


def test_a_dropped_message_misses_its_slots_and_counts_on() -> None:
    line = Line()
    held = entry(replace(VOLTAGES, cycle_ns=10 * NS_PER_MS))
    Restbus(line.clock, line.send, [held]).start(0)
    line.clock.run_until(15 * NS_PER_MS)
    held.hold = "drop"
    line.clock.run_until(35 * NS_PER_MS)
    held.hold = "normal"
    line.clock.run_until(55 * NS_PER_MS)
    assert [t_ns // NS_PER_MS for t_ns, _ in line.sent] == [0, 10, 40, 50]
    assert [frame.data[1] & 15 for _, frame in line.sent] == [0, 1, 2, 3]


def test_sources_are_read_when_the_frame_is_packed() -> None:
    values = [3.3, 3.4, 3.5, 3.6]
    under_test = entry(values=values)
    values[2] = 1.234
    decoded = VOLTAGES.decode_dict(bytes(under_test.pack()))
    assert [decoded[name] for name in NAMES] == pytest.approx([3.3, 3.4, 1.234, 3.6])


def test_wires_scale_from_port_to_signal() -> None:
    under_test = entry()
    under_test.connect(NAMES[0], Source([20.0], 0, scale=5.0, offset=10.0))
    assert VOLTAGES.decode_dict(bytes(under_test.pack()))[NAMES[0]] == pytest.approx(2.0)


def test_a_value_out_of_range_goes_out_as_the_nearest_and_is_counted() -> None:
    under_test = entry(values=[-1.0, 99.0, math.inf, 3.3])
    decoded = VOLTAGES.decode_dict(bytes(under_test.pack()))
    assert [decoded[name] for name in NAMES] == pytest.approx([0.0, 8.19, 8.19, 3.3])
    assert under_test.saturated == 3


def test_nan_is_not_available() -> None:
    signal = VOLTAGES.signals[NAMES[0]]
    under_test = entry(values=[math.nan, 3.3, 3.3, 3.3])
    assert VOLTAGES.decode_dict(bytes(under_test.pack()))[NAMES[0]] == signal.not_available
    assert under_test.saturated == 0
    nameless = {**VOLTAGES.signals, NAMES[0]: replace(signal, not_available=None)}
    with pytest.raises(FrameError, match="no value") as caught:
        entry(replace(VOLTAGES, signals=nameless), [math.nan] * 4).pack()
    assert caught.value.key == NAMES[0]


def test_mutation_comes_after_protection() -> None:
    under_test = entry()
    under_test.mutate = lambda data: data[:4]
    assert len(under_test.pack()) == 4


def test_start_values_fill_what_no_source_feeds() -> None:
    decoded = VOLTAGES.decode_dict(bytes(Entry(VOLTAGES, {}).pack()))
    assert [decoded[name] for name in NAMES] == [0.0] * 4
