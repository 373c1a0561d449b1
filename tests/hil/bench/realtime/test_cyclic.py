"""How well a schedule was kept: known answers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("real time is measured on Linux", allow_module_level=True)

from hil.bench.realtime.cyclic import drift_of, keeping, without_slots
from hil.bench.realtime.local import Frames

pytestmark = pytest.mark.real_time

MS = 1_000_000
SLOTS = {0x200: (5 * MS, 10 * MS), 0x201: (8 * MS, 10 * MS)}


def frames(*rows: tuple[int, int]) -> Frames:
    return np.array(rows, dtype=np.int64)


def on_time(count: int, late_ns: int = 0) -> Frames:
    starts = [(identifier, first_ns + late_ns) for identifier, (first_ns, _) in SLOTS.items()]
    return frames(*((identifier, at_ns + k * 10 * MS) for k in range(count) for identifier, at_ns in starts))


def test_lateness_counts_from_the_slot() -> None:
    taken = frames((0x200, 5 * MS + 40), (0x201, 8 * MS), (0x200, 15 * MS + 60), (0x201, 18 * MS + 1))
    kept = keeping(taken, SLOTS)
    assert sorted(kept.late_ns) == [0, 1, 40, 60]
    assert kept.missed == 0
    assert kept.us(100) == 0.06


def test_a_frame_a_little_early_is_of_its_own_slot() -> None:
    kept = keeping(frames((0x200, 5 * MS - 3000), (0x201, 8 * MS), (0x200, 15 * MS)), SLOTS)
    assert sorted(kept.late_ns) == [-3000, 0, 0]
    assert kept.missed == 0


def test_slots_without_a_frame_are_missed() -> None:
    kept = keeping(frames((0x200, 5 * MS), (0x200, 35 * MS), (0x201, 8 * MS), (0x201, 18 * MS)), SLOTS)
    assert kept.missed == 2


def test_a_message_that_never_came_is_no_good_measurement() -> None:
    with pytest.raises(RuntimeError, match="no frame 201 came"):
        keeping(frames((0x200, 5 * MS)), SLOTS)


@pytest.mark.parametrize("late_ns", [0, 3 * MS])
def test_a_constant_lateness_is_no_drift(late_ns: int) -> None:
    assert drift_of(on_time(100, late_ns), SLOTS) == 0.0


def test_drift_is_told_in_cycles() -> None:
    taken = on_time(1000)
    taken[:, 1] += np.linspace(0, 2 * MS, len(taken)).astype(np.int64)  # 2 ms of 10 ms; medians of the tenths
    assert drift_of(taken, SLOTS) == pytest.approx(0.2 * 0.9, rel=0.01)


def test_without_slots_the_earliest_frame_was_on_time() -> None:
    kept = without_slots(
        frames((1, 7 * MS), (1, 18 * MS), (1, 26 * MS), (2, 100 * MS), (2, 110 * MS)), 10 * MS
    )
    assert kept.late_ns.tolist() == [MS, 2 * MS, 0, 0, 0]  # the third frame of 1 is the earliest in its cycle
