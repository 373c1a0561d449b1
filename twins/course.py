"""How a current or voltage of the circuit goes on while nothing is switched, and what it heats.

The circuit has one capacitor, so everything in it follows ``x(t) = steady + extra exp(-rate t)``. Its
charge, its energy and the temperature of a body that it heats are integrals with closed forms. They
are written with ``expm1`` so that they hold for any step, and where two time constants meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, expm1, inf, log
from typing import NamedTuple


def fading(a_per_s: float, b_per_s: float, dt_s: float) -> float:
    """``∫ exp(-a s) exp(-b (dt - s)) ds`` from 0 to ``dt``: a source that fades feeds a body that loses."""
    apart = abs(a_per_s - b_per_s)
    common = exp(-min(a_per_s, b_per_s) * dt_s)
    return common * (-expm1(-apart * dt_s) / apart if apart * dt_s > 1e-300 else dt_s)


class Course(NamedTuple):
    """``steady + extra exp(-rate t)`` from now on."""

    steady: float
    extra: float
    rate_per_s: float

    def at(self, dt_s: float) -> float:
        """The value after ``dt_s``."""
        return self.steady + self.extra * exp(-self.rate_per_s * dt_s)

    def integral(self, dt_s: float) -> float:
        """Its integral over ``dt_s``: the charge of a current."""
        return self.steady * dt_s + self.extra * fading(self.rate_per_s, 0.0, dt_s)

    def square_integral(self, dt_s: float) -> float:
        """The integral of its square: I²t of a current."""
        return self.times(self, dt_s)

    def times(self, other: Course, dt_s: float) -> float:
        """The integral of the product with a course of the same rate: energy of voltage and current."""
        rate = self.rate_per_s
        return (
            self.steady * other.steady * dt_s
            + (self.steady * other.extra + self.extra * other.steady) * fading(rate, 0.0, dt_s)
            + self.extra * other.extra * fading(2.0 * rate, 0.0, dt_s)
        )

    def time_to(self, value: float) -> float:
        """When it passes a value, in s; ``inf`` if never."""
        away = value - self.steady
        if self.extra == 0.0 or away == 0.0 or self.rate_per_s <= 0.0:
            return inf
        ratio = self.extra / away
        return log(ratio) / self.rate_per_s if ratio > 0.0 and ratio >= 1.0 else inf

    def scaled(self, factor: float, offset: float = 0.0) -> Course:
        """``offset + factor x``."""
        return Course(offset + factor * self.steady, factor * self.extra, self.rate_per_s)


class Body(NamedTuple):
    """Something that a current heats: ``dθ/dt = gain i² - loss θ``, θ above its surroundings."""

    gain: float
    loss_per_s: float

    def warmed(self, theta: float, current: Course, dt_s: float) -> float:
        """θ after ``dt_s``, exactly."""
        steady, extra, rate = current
        loss = self.loss_per_s
        fed = steady * steady * fading(0.0, loss, dt_s)
        if extra:
            fed += 2.0 * steady * extra * fading(rate, loss, dt_s)
            fed += extra * extra * fading(2.0 * rate, loss, dt_s)
        return theta * exp(-loss * dt_s) + self.gain * fed


_LEAF = 2.0**-20  # of the time looked at: where the search goes over to bisection


def reaches(
    bodies: Sequence[Body], thetas: Sequence[float], limit: float, current: Course, dt_s: float
) -> float | None:
    """The first instant within ``dt_s`` at which the bodies' θ together reach a limit; ``None``: not.

    θ may rise and fall again within the time. Parts of it whose upper bound stays below the limit are
    left out, the others halved; so the first instant is found, and found to rounding.
    """

    def at(t: float) -> list[float]:
        return [body.warmed(theta, current, t) for body, theta in zip(bodies, thetas, strict=True)]

    def bound(start: list[float], t: float, h: float) -> float:
        """Of θ in [t, t + h]: as if the highest current in it stood all the time.

        Then each body goes one way only; and all together no faster than at first, but for what is lost.
        """
        square = max(current.at(t) ** 2, current.at(t + h) ** 2)
        steady = Course(square**0.5, 0.0, 0.0)
        ends = [body.warmed(theta, steady, h) for body, theta in zip(bodies, start, strict=True)]
        slope = sum(
            body.gain * square - body.loss_per_s * theta * exp(-body.loss_per_s * h)
            for body, theta in zip(bodies, start, strict=True)
        )
        return min(sum(map(max, start, ends)), sum(start) + max(0.0, slope) * h)

    def first(start: list[float], t: float, h: float) -> float | None:
        if sum(start) >= limit:
            return t
        if bound(start, t, h) < limit:
            return None
        if h <= dt_s * _LEAF:
            return _bisected(lambda x: sum(at(x)) >= limit, t, t + h)
        middle = t + 0.5 * h
        early = first(start, t, 0.5 * h)
        return early if early is not None else first(at(middle), middle, 0.5 * h)

    return first(list(thetas), 0.0, dt_s)


def _bisected(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """Where ``holds`` begins between two instants; ``None`` if it does not hold at the later one."""
    if not holds(high):
        return None
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
