"""The auxiliary supply, 12 or 24 V: what BMS and contactor coils live on, and its dips.

Its voltage is a line through points in time. Whoever depends on it watches a level, and is told at the
instant at which the line crosses it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, floor, isfinite, nextafter
from typing import Any

import simpy

from twins.config import SupplyConfig
from twins.port import Bank, Port

_VOLTAGE, _BMS_ON = range(2)
_HIGHEST_V = 40.0
Point = tuple[int, float]  # instant in ns after the beginning, and voltage


class Supply:
    """The supply and its way to the BMS.

    Attributes:
        bms_on: Whether the BMS has what it needs to run.
    """

    def __init__(self, env: simpy.Environment, config: SupplyConfig) -> None:
        self.config = config
        self._fed: list[Callable[[bool], None]] = []
        self._env = env
        self._set = Bank([config.voltage_V])
        self._shown = Bank([config.voltage_V, 1.0])
        self._watchers: list[tuple[float, Callable[[float], None]]] = []
        self._course = 0
        self.ports = (
            Port("supply.voltage_request", "V", self._set, 0, 0, _HIGHEST_V, "in", self._asked),
            Port("supply.voltage", "V", self._shown, _VOLTAGE, 0, _HIGHEST_V),
            Port("supply.bms_on", "", self._shown, _BMS_ON, 0, 1),
        )
        for level_V in (config.brown_out_V, config.restart_V):
            self.watch(level_V, self._feed_bms)
        self.reset()

    def reset(self) -> None:
        """At its voltage, the BMS supplied."""
        self._set.held.clear()
        self._shown.held.clear()
        self._set.publish([self.config.voltage_V])
        self.bms_on = True
        self._low_since_ns: int | None = None
        self._points: tuple[Point, ...] = ((0, self.config.voltage_V),)
        self._begun_ns = int(self._env.now)
        self._course += 1
        self._show()

    def watch(self, level_V: float, tell: Callable[[float], None]) -> None:
        """Be told the voltage whenever it crosses a level, at that instant."""
        self._watchers.append((level_V, tell))

    def feed(self, tell: Callable[[bool], None]) -> None:
        """Tell whoever lives with the BMS when its supply fails and when it is back."""
        self._fed.append(tell)

    @property
    def moving(self) -> bool:
        """Whether its voltage still changes."""
        return int(self._env.now) - self._begun_ns <= self._points[-1][0] > 0

    @property
    def voltage_V(self) -> float:
        """The voltage now."""
        return _voltage_at(int(self._env.now) - self._begun_ns, self._points)

    @property
    def requested_V(self) -> float:
        """The voltage that is asked for, and that it comes back to."""
        return self._set.values[0]

    def follow(self, points: Sequence[Point], passed_ns: int = 0) -> None:
        """Go along a line from now on: points (time after now in ns, V), then stay at the last.

        Args:
            points: The line; it begins at the voltage of now.
            passed_ns: How long ago it began, at the voltage that is asked for: where it would be by now, it
                goes on.

        Raises:
            ValueError: If times do not rise or a voltage is impossible.
        """
        times = [time_ns for time_ns, _ in points]
        if not points or times[0] < 0 or times != sorted(times):
            raise ValueError("the points of a supply's profile come in the order of their times, from 0 on")
        for _, volts in points:
            if not (isfinite(volts) and 0.0 <= volts <= _HIGHEST_V):
                raise ValueError(f"a supply of {volts:g} V: it has 0 to {_HIGHEST_V:g} V")
        if passed_ns:
            there_V = _voltage_at(passed_ns, ((0, self.requested_V), *points))
            left = [(time_ns - passed_ns, volts) for time_ns, volts in points if time_ns > passed_ns]
            points = [(0, there_V), *left]
        self._set_out(((0, self.voltage_V), *points), int(self._env.now))

    def dip(self, voltage_V: float, lasts_ns: int | None = None, passed_ns: int = 0) -> None:
        """Fall to a voltage at once, and come back after a time if one is given; see :meth:`follow`."""
        points: list[Point] = [(0, voltage_V)]
        if lasts_ns is not None:
            points += [(lasts_ns, voltage_V), (lasts_ns, self._set.values[0])]
        self.follow(points, passed_ns)

    def crank(self, lowest_V: float, plateau_V: float, lasts_ns: int, passed_ns: int = 0) -> None:
        """An engine is cranked: the shape of ISO 16750-2's starting profile, without its ripple.

        Down to the lowest voltage in 5 ms, there for 15 ms, up to the plateau in 50 ms, there for a time,
        and back in 100 ms (times: provisional); see :meth:`follow` for what has passed of it.
        """
        times_ns = (5, 20, 70, 70 + lasts_ns // _MS, 170 + lasts_ns // _MS)
        volts = (lowest_V, lowest_V, plateau_V, plateau_V, self._set.values[0])
        points = [(time_ms * _MS, level_V) for time_ms, level_V in zip(times_ns, volts, strict=True)]
        self.follow(points, passed_ns)

    def recover(self) -> None:
        """Be at the voltage that is asked for again, at once."""
        self.follow([(0, self._set.values[0])])

    def show(self) -> None:
        """Publish the voltage of now."""
        self._shown.show(_VOLTAGE, self.voltage_V)

    def _asked(self, value: float) -> None:
        if not value >= 0.0:
            raise ValueError(f"a supply of {value:g} V: it has 0 to {_HIGHEST_V:g} V")
        self.recover()

    # --- crossings --------------------------------------------------------------------------------

    def _set_out(self, points: tuple[Point, ...], begun_ns: int) -> None:
        self._points, self._begun_ns = points, begun_ns
        self._course += 1
        course, passed_ns = self._course, int(self._env.now) - begun_ns
        self._show()
        for level_V, tell in self._watchers:
            for at_ns, volts in crossings(points, level_V):
                if at_ns >= passed_ns:
                    self._ring(at_ns - passed_ns, course, tell, volts)

    def _ring(self, delay_ns: int, course: int, tell: Callable[[float], None], volts: float) -> None:
        def ring(_event: simpy.Event) -> None:
            if course == self._course:
                self._show()
                tell(volts)

        if delay_ns == 0:
            tell(volts)
            return
        timeout = self._env.timeout(delay_ns)
        assert timeout.callbacks is not None  # a fresh event has its list
        timeout.callbacks.append(ring)

    def _show(self) -> None:
        self._shown.show(_VOLTAGE, self.voltage_V)
        self._shown.show(_BMS_ON, float(self.bms_on))

    # --- the BMS ----------------------------------------------------------------------------------

    def _feed_bms(self, volts: float) -> None:
        """The voltage has crossed the BMS's brown-out or restart level."""
        if volts < self.config.brown_out_V:
            if self.bms_on and self._low_since_ns is None:
                self._low_since_ns = int(self._env.now)
                self._hold_up(self.config.hold_up_ns)
            return
        if volts >= self.config.restart_V or self.bms_on:
            self._low_since_ns = None
            self._power(True)

    def _hold_up(self, delay_ns: int) -> None:
        """Its capacitors last for a while."""
        since_ns = self._low_since_ns

        def run_dry(_event: simpy.Event) -> None:
            if self._low_since_ns == since_ns is not None:
                self._power(False)

        timeout = self._env.timeout(delay_ns)
        assert timeout.callbacks is not None  # a fresh event has its list
        timeout.callbacks.append(run_dry)

    def _power(self, on: bool) -> None:
        if on != self.bms_on:
            self.bms_on = on
            self._show()
            for tell in self._fed:
                tell(on)

    def save(self) -> dict[str, Any]:
        """The whole state; times count from now."""
        now_ns = int(self._env.now)
        low_ns = None if self._low_since_ns is None else now_ns - self._low_since_ns
        return {
            "set": self._set.save(),
            "shown": self._shown.save(),
            "points": [list(point) for point in self._points],
            "passed_ns": now_ns - self._begun_ns,
            "low_ns": low_ns,
            "bms_on": self.bms_on,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave; the BMS itself is not switched by it."""
        self._set.restore(state["set"])
        self.bms_on = state["bms_on"]
        now_ns = int(self._env.now)
        self._points = tuple((time_ns, volts) for time_ns, volts in state["points"])
        self._begun_ns = now_ns - state["passed_ns"]
        self._course += 1
        course = self._course
        for level_V, tell in self._watchers:
            for at_ns, volts in crossings(self._points, level_V):
                if at_ns > state["passed_ns"]:
                    self._ring(at_ns - state["passed_ns"], course, tell, volts)
        self._low_since_ns = None
        if state["low_ns"] is not None:
            self._low_since_ns = now_ns - state["low_ns"]
            if self.bms_on:
                self._hold_up(self.config.hold_up_ns - state["low_ns"])
        self._shown.restore(state["shown"])


_MS = 1_000_000


def _voltage_at(passed_ns: int, points: Sequence[Point]) -> float:
    """The voltage of a line through points, so long after its beginning."""
    after = bisect_right(points, passed_ns, key=lambda point: point[0])
    if after == len(points):
        return points[-1][1]
    (from_ns, from_V), (to_ns, to_V) = points[after - 1], points[after]
    return from_V + (to_V - from_V) * (passed_ns - from_ns) / (to_ns - from_ns)


def crossings(points: Sequence[Point], level_V: float) -> list[tuple[int, float]]:
    """Where a line through points crosses a level: instant in ns, and the voltage on its far side.

    A line that falls is told just below the level, one that rises at it; an instant is the first whole
    nanosecond at which it is there.
    """
    found = []
    for (from_ns, from_V), (to_ns, to_V) in pairwise(points):
        if (from_V >= level_V) == (to_V >= level_V):
            continue
        share = (level_V - from_V) / (to_V - from_V)
        if from_ns == to_ns:
            found.append((from_ns, to_V))
        elif to_V >= level_V:
            found.append((from_ns + ceil(share * (to_ns - from_ns)), level_V))
        else:
            found.append((from_ns + floor(share * (to_ns - from_ns)) + 1, nextafter(level_V, 0.0)))
    return found
