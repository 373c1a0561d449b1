"""Puts a cycle together from standstills, runs of a given length, and hills."""

from collections.abc import Callable
from math import sqrt

import numpy as np

from twins.cycles.cycle import Cycle

_EDGE_S = 0.5  # in which a grade comes and goes
_SHORTEST_m = 0.5
_SHORTEST_s = 1e-3  # what is shorter is left out: the next point takes it over


class Road:
    """Points of a cycle that is being made; it begins at rest, without payload.

    Attributes:
        time_s: So far.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._points = [(0.0, 0.0, 0.0, 0.0)]  # time, speed, grade, payload
        self._accelerate = self._decelerate = 0.5
        self.time_s = 0.0
        self._speed = self._payload = 0.0

    def brisk(self, accelerate_m_s2: float, decelerate_m_s2: float) -> None:
        """How the speed changes from now on."""
        self._accelerate, self._decelerate = accelerate_m_s2, decelerate_m_s2

    def _point(self, duration_s: float, speed_m_s: float, grade: float = 0.0) -> None:
        if duration_s < _SHORTEST_s:
            return
        self.time_s += duration_s
        self._speed = speed_m_s
        self._points.append((self.time_s, speed_m_s, grade, self._payload))

    def stand(self, duration_s: float) -> None:
        """Wait at a standstill."""
        self._point(duration_s, 0.0)

    def load(self, payload_kg: float, duration_s: float) -> None:
        """Wait at a standstill, and have this payload from half of the wait on."""
        self.stand(0.5 * duration_s)
        self._payload = payload_kg
        self._points[-1] = (*self._points[-1][:3], payload_kg)
        self.stand(0.5 * duration_s)

    def go(self, distance_m: float, pace: Callable[[], tuple[float, float]], *, stop: bool = True) -> None:
        """Run this far, from the present speed; ``pace`` gives the length and speed of each stretch.

        The way is exact if it is longer than the change of speed takes.
        """
        left_m = max(distance_m, _SHORTEST_m)
        while True:
            stretch_m, speed = pace()
            peak = sqrt(self._peak_square(left_m)) if stop else speed
            reached = min(speed, peak)
            end_m = self._braking(reached) if stop else 0.0
            left_m -= self._reach(reached)
            if left_m - stretch_m <= end_m:
                break
            self._point(stretch_m / reached, reached)
            left_m -= stretch_m
        self._point((left_m - end_m) / max(self._speed, 1e-9), self._speed)
        if stop:
            self._reach(0.0)

    def hill(self, length_m: float, grade: float) -> None:
        """Over a hill at the present speed: up and down by the same length."""
        speed = self._speed
        each_s = length_m / speed
        for duration_s, height in ((_EDGE_S, grade), (each_s, grade), (2 * _EDGE_S, -grade)):
            self._point(duration_s, speed, height)
        self._point(each_s, speed, -grade)
        self._point(_EDGE_S, speed)

    def _peak_square(self, left_m: float) -> float:
        """Square of the speed from which it can still stop within the way that is left."""
        a, d = self._accelerate, self._decelerate
        return (2.0 * a * left_m + self._speed**2) * d / (a + d)

    def _braking(self, speed: float) -> float:
        return 0.5 * speed * speed / self._decelerate

    def _reach(self, speed: float) -> float:
        """Change to a speed; the way of it."""
        rate = self._accelerate if speed > self._speed else self._decelerate
        duration_s = abs(speed - self._speed) / rate
        way_m = 0.5 * (speed + self._speed) * duration_s
        self._point(duration_s, speed)
        return way_m

    def cycle(self, end_s: float) -> Cycle:
        """What has been made, up to a time: a run that would not end by then is not begun."""
        table = np.array(self._points).T
        stands = np.flatnonzero((table[0] <= end_s - _SHORTEST_s) & (table[1] == 0.0))
        time, speed, grade, payload = table[:, : stands[-1] + 1]
        return Cycle(
            self._name,
            np.append(time, end_s),
            np.append(speed, 0.0),
            np.append(grade, 0.0),
            np.append(payload, payload[-1]),
        )
