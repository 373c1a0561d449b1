"""What is known of a role: matching to half a raw step, cycle times, frames that matter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.frame import Frame
from hil.rig.evidence import describe, frames_that_matter
from hil.rig.mistakes import slip_of
from hil.rig.observe import Observer
from tests.hil.scripted import STATUS, every, scripted_rig, scripted_world, status

NAMES = st.text("abc._", min_size=3, max_size=12)


@given(NAMES, st.data())
def test_one_slip(name, data):
    """Whatever single letter is lost, added, changed or swapped."""
    at = data.draw(st.integers(0, len(name) - 1))
    head, tail = name[:at], name[at:]
    lost, added, changed = head + tail[1:], f"{head}x{tail}", f"{head}x{tail[1:]}"
    swapped = head + tail[:2][::-1] + tail[2:]
    assert all(slip_of(slip, [name]) == name for slip in (lost, added, changed, swapped))
    assert slip_of(f"{head}xy{tail}", [name]) is None


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("cell.voltage_min", "cell.voltage_max"),
        ("fault.overtemperature_charge", "fault.undertemperature_charge"),
        ("fault.overcurrent_charge", "fault.overcurrent_discharge"),
        ("contactor.main_minus", "contactor.main_plus"),
        ("cell.voltage[12]", "cell.voltage[11]"),
        ("cell.voltage[97]", "cell.voltage[9]"),
    ],
)
def test_two_features_are_no_slip(written, known):
    assert slip_of(written, [known]) is None
    assert slip_of(known, [written]) is None


def test_numbers_match_to_half_a_raw_step(small):
    observer = Observer(small, scripted_world(small))
    matches = observer.matcher(observer.role("cell.voltage_max"), 3.4122)
    assert [matches(volts) for volts in (3.411, 3.412, 3.413)] == [False, True, False]


@pytest.mark.parametrize("table", [None, {0: "Aus", 1: "Ein"}])
def test_a_feedback_is_open_or_closed_whatever_its_value_table(laptop, monkeypatch, table):
    observer = Observer(laptop, scripted_world(laptop))
    told = observer.signal
    monkeypatch.setattr(observer, "signal", lambda role: replace(told(role), choices=table))
    role = observer.role("contactor.main_plus.feedback")
    for value, name in ((0.0, "open"), (1.0, "closed")):
        assert observer.matcher(role, name)(value)
        assert not observer.matcher(role, name)(1.0 - value)


def test_a_group_of_a_multiplexed_message_comes_in_its_turn(laptop):
    observer = Observer(laptop, scripted_world(laptop))
    messages = laptop.buses["pack"].database.messages
    for name in ("cell.voltage[1]", "state"):
        role = observer.role(name)
        message = messages[role.message]
        groups = len(message.mux_values) if message.signals[role.signal].groups else 1
        assert observer.cycle_ns(role) == groups * message.cycle_ns


def test_frames_that_matter_are_those_around_the_stimulus_and_the_last_ones(small):
    rig, world, _ = scripted_rig(small, every(20, 2000, status()))
    with rig.fault("cell.voltage", cell=2, value=3.8) as stimulus:
        rig.on_wire(stimulus)
        rig.run_for("1 s")
    frames = frames_that_matter(world, Observer(small, world).role("state"), stimulus)
    assert [frame.name for frame in frames].count("BMS_Status") == 3
    assert [frame.name for frame in frames].count("CMU_Cells") == 4
    assert frames[0].t_ns == stimulus.on_wire_ns
    assert "V2 3.8 V" in frames[0].decoded
    assert [frame.t_ns for frame in frames] == sorted(frame.t_ns for frame in frames)


def test_a_frame_in_words(small):
    world = scripted_world(small, [(5, bytes(3)), (10, status(3, plus=1, highest_mv=3412))])
    world.power_on()
    world.plant.ports["cell_monitor.voltage[3]"].force(float("nan"))
    world.run_until(100_000_000)
    database = world.database("can0")
    status_, cells = (describe(world.last_frames("can0", key, 1)[0], database) for key in (256, 513))
    assert status_.decoded == "State Operate, MainPlus Closed, Fault_CellOvervoltage 0, Highest 3.412 V"
    assert "V3 not available" in cells.decoded
    short = world.last_frames("can0", 256, 2)[0]
    assert "3" in describe(short, database).decoded


class HeardLate:
    """A host, but whoever subscribes first hears a frame with this timestamp."""

    def __init__(self, host, t_ns):
        self._host, self._t_ns = host, t_ns

    def __getattr__(self, name):
        return getattr(self._host, name)

    def subscribe(self, bus, message, watcher):
        values = self._host.history(bus, message, 0)[-1][1]
        frame = Frame(STATUS, status())
        frame.t_ns = self._t_ns
        watcher(frame, values)
        return self._host.subscribe(bus, message, watcher)


@pytest.mark.parametrize(("t_ns", "counts"), [(400_000_000, 0), (400_000_001, 1), (600_000_001, 0)])
def test_what_is_heard_late_counts_by_its_timestamp(small, t_ns, counts):
    rig, world, _ = scripted_rig(small, every(20, 390, status()))
    rig.run_for("500 ms")
    observer = Observer(small, HeardLate(world, t_ns))
    role = observer.role("state")
    seen = observer.first(role, 400_000_000, 600_000_000, observer.matcher(role, "standby"))
    assert seen == ((t_ns, 1.0) if counts else None)
