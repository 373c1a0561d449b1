"""Waiting: woken by the bell or at the deadline, never late, and cheap when the deadline moves on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hil.bell import Bell
from hil.clock import NS_PER_MS, VirtualClock

Runner = Callable[[Iterator[Any]], list[int]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_it_wakes_at_the_ring_or_at_the_deadline(clock: VirtualClock) -> None:
    bell, woken = Bell(clock), []

    def wait() -> Iterator[Any]:
        for deadline_ms in (100, 150, 150, 400):
            yield from bell.wait(deadline_ms * NS_PER_MS)
            woken.append(clock.now_ns // NS_PER_MS)

    clock.process(wait())
    clock.run_until(50 * NS_PER_MS)
    bell.ring()
    clock.run_until(500 * NS_PER_MS)
    assert woken == [50, 150, 150, 400]


def test_a_shorter_wait_after_a_longer_one_is_not_late(clock: VirtualClock) -> None:
    bell, woken = Bell(clock), []

    def wait() -> Iterator[Any]:
        yield from bell.wait(1000 * NS_PER_MS)
        yield from bell.wait(20 * NS_PER_MS)
        woken.append(clock.now_ns // NS_PER_MS)
        yield from bell.wait(1000 * NS_PER_MS)
        woken.append(clock.now_ns // NS_PER_MS)

    clock.process(wait())
    clock.run_until(10 * NS_PER_MS)
    bell.ring()
    clock.run_until(2000 * NS_PER_MS)
    assert woken == [20, 1000]


def test_until_tells_whether_it_came_true_in_time(clock: VirtualClock) -> None:
    bell, seen, results = Bell(clock), [], []

    def wait() -> Iterator[Any]:
        for _ in range(2):
            held = yield from bell.until(lambda: len(seen) >= 2, clock.now_ns + 100 * NS_PER_MS)
            results.append((held, clock.now_ns // NS_PER_MS))
            seen.clear()

    clock.process(wait())
    for at_ms in (10, 30, 60):
        clock.run_until(at_ms * NS_PER_MS)
        seen.append(at_ms)
        bell.ring()
    clock.run_until(1000 * NS_PER_MS)
    assert results == [(True, 30), (False, 130)]


def test_a_deadline_that_moves_on_leaves_one_entry_in_the_queue(clock: VirtualClock) -> None:
    bell = Bell(clock)

    def wait() -> Iterator[Any]:
        while True:
            yield from bell.wait(clock.now_ns + 1000 * NS_PER_MS)

    clock.process(wait())
    for step in range(1, 200):
        clock.run_until(step * 50 * NS_PER_MS)
        bell.ring()
    clock.run_until(200 * 50 * NS_PER_MS)
    assert len(clock._queue) <= 2


def test_nobody_waits_and_nothing_happens(clock: VirtualClock) -> None:
    bell = Bell(clock)
    bell.ring()
    bell.forget()
    clock.run_until(NS_PER_MS)
