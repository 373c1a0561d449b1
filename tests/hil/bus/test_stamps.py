"""Other clocks on the one time line: a wall clock that is set, an adapter's clock that drifts and wraps."""

import random
import time

import pytest

from hil.bus.stamps import DeviceClock, WallClock
from hil.clock import NS_PER_MS, NS_PER_S, NS_PER_US


class Clocks:
    """Both clocks under control."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns, self.wall_ns, self.cost_ns = 10**12, 17 * 10**17, 100
        monkeypatch.setattr(time, "monotonic_ns", self.monotonic_ns)
        monkeypatch.setattr(time, "time_ns", lambda: self.wall_ns)

    def monotonic_ns(self) -> int:
        self.pass_ns(self.cost_ns)
        return self.now_ns

    def pass_ns(self, span_ns: int) -> None:
        self.now_ns += span_ns
        self.wall_ns += span_ns


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


class TestWallClock:
    def test_a_stamp_is_where_it_belongs(self, clocks: Clocks) -> None:
        wall = WallClock()
        clocks.pass_ns(NS_PER_S)
        stamp_ns, true_ns = clocks.wall_ns, clocks.now_ns
        clocks.pass_ns(NS_PER_MS)
        now_ns, steady = wall.sample()
        assert steady
        assert abs(stamp_ns + wall.offset_ns - true_ns) <= 200
        assert now_ns >= true_ns + NS_PER_MS

    @pytest.mark.parametrize("step_ns", [3 * NS_PER_MS, -3 * NS_PER_MS, -3600 * NS_PER_S])
    def test_a_set_clock_is_seen_once(self, clocks: Clocks, step_ns: int) -> None:
        wall = WallClock()
        clocks.wall_ns += step_ns
        assert not wall.sample()[1]
        assert wall.sample()[1]
        assert wall.jumps == 1

    def test_slewing_is_no_jump(self, clocks: Clocks) -> None:
        wall = WallClock()
        for _ in range(100):
            clocks.pass_ns(NS_PER_S)
            clocks.wall_ns += 500 * NS_PER_US
            assert wall.sample()[1]

    def test_nor_is_a_long_silence(self, clocks: Clocks) -> None:
        wall = WallClock()
        clocks.pass_ns(3600 * NS_PER_S)
        clocks.wall_ns += 3600 * 500 * NS_PER_US
        assert wall.sample()[1]

    def test_a_pause_between_the_two_readings_does_not_count(
        self, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall = WallClock()
        pauses = [50 * NS_PER_MS]

        def read_wall() -> int:
            wall_ns = clocks.wall_ns
            clocks.pass_ns(pauses.pop() if pauses else 0)
            return wall_ns

        monkeypatch.setattr(time, "time_ns", read_wall)
        assert wall.sample()[1]

    def test_on_a_computer_that_is_busy_the_best_reading_counts(
        self, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall = WallClock()
        pauses = [50 * NS_PER_MS, NS_PER_MS, 50 * NS_PER_MS]

        def read_wall() -> int:
            wall_ns = clocks.wall_ns
            clocks.pass_ns(pauses.pop())
            return wall_ns

        monkeypatch.setattr(time, "time_ns", read_wall)
        assert wall.sample()[1]


class TestDeviceClock:
    def run(self, wrap_ns: int, drift: float, jitter_ns: int, frames: int = 2_000) -> list[int]:
        """Errors in ns of frames at random, stamped in whole milliseconds, after the first 100."""
        random_ = random.Random(1)
        clock = DeviceClock(wrap_ns)
        true_ns, errors = 5 * 10**12, []
        for _ in range(frames):
            true_ns += random_.randrange(200 * NS_PER_MS)
            device_ns = round(true_ns * (1 + drift)) // NS_PER_MS * NS_PER_MS
            if wrap_ns:
                device_ns %= wrap_ns
            received_ns = true_ns + 500_000 + random_.randrange(jitter_ns)
            found_ns = clock.monotonic_ns(device_ns, received_ns)
            assert found_ns <= received_ns
            errors.append(found_ns - true_ns)
        return errors[100:]

    @pytest.mark.parametrize("drift", [0, 50e-6, -50e-6])
    @pytest.mark.parametrize("wrap_ns", [0, 60 * NS_PER_S])
    def test_much_better_than_the_time_of_receipt(self, wrap_ns: int, drift: float) -> None:
        errors = self.run(wrap_ns, drift, 16 * NS_PER_MS)
        assert max(errors) < 4 * NS_PER_MS
        assert min(errors) > -2 * NS_PER_MS

    def test_a_pause_of_hours_with_a_clock_that_wraps(self) -> None:
        clock = DeviceClock(60 * NS_PER_S)
        clock.monotonic_ns(59_000 * NS_PER_MS, 1000 * NS_PER_S)
        later_ns = (1000 + 7200) * NS_PER_S + 5 * NS_PER_MS
        assert abs(clock.monotonic_ns(59_003 * NS_PER_MS, later_ns) - later_ns) <= 3 * NS_PER_MS

    def test_a_wrong_stamp_is_not_believed(self) -> None:
        clock = DeviceClock()
        clock.monotonic_ns(0, NS_PER_S)
        assert clock.monotonic_ns(10**15, 2 * NS_PER_S) == 2 * NS_PER_S
        assert clock.monotonic_ns(2 * NS_PER_S, 3 * NS_PER_S + 1_000) == 3 * NS_PER_S + 1_000
