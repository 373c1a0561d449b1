"""The pack's fuse: two bodies that the current heats, and which melt at an instant found exactly.

A fuse's time-current curve has two ends. Far above its rating nothing is lost while it melts, and it
does so at its melting integral ``∫ i² dt = K`` (IEC 60269-1, "pre-arcing I²t"). Far below it is in
balance, and what melts it at last is the conventional fusing current. Between the two the notches of
the element, which are small and quick, stand on the body, which is large and slow. Each is of first
order; together they reach the melting point at ``θ = 1``::

    dθ_k/dt = r_k i² / T_k - θ_k / T_k        r_1 / T_1 + r_2 / T_2 = 1 / K,   r_1 + r_2 = 1 / I_f²
"""

from __future__ import annotations

from typing import Any

from twins.config import FuseConfig
from twins.course import Body, Course, reaches


class Fuse:
    """State of the fuse.

    Attributes:
        blown: Whether it has melted; only a new one conducts again.
        resistance_Ohm: While it is whole.
    """

    def __init__(self, config: FuseConfig) -> None:
        self.config = config
        self.resistance_Ohm = config.resistance_Ohm
        self._bodies = bodies_of(config)
        self.renew()

    def renew(self) -> None:
        """Put in a new one, cold."""
        self.blown = False
        self._thetas = [0.0] * len(self._bodies)

    def blow(self) -> None:
        """Melt it now."""
        self.blown = True

    @property
    def melted(self) -> float:
        """How near it is to melting, 0 (cold) to 1."""
        return 1.0 if self.blown else min(1.0, sum(self._thetas))

    def blows_within(self, current: Course, dt_s: float) -> float | None:
        """When it melts if this current goes on for ``dt_s``; ``None``: it does not."""
        return None if self.blown else reaches(self._bodies, self._thetas, 1.0, current, dt_s)

    def carry(self, current: Course, dt_s: float) -> None:
        """Carry a current for ``dt_s``."""
        self._thetas = [
            body.warmed(theta, current, dt_s) for body, theta in zip(self._bodies, self._thetas, strict=True)
        ]

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {"blown": self.blown, "thetas": list(self._thetas)}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self.blown, self._thetas = state["blown"], list(state["thetas"])


def bodies_of(config: FuseConfig) -> tuple[Body, ...]:
    """The element's notches and its body, from the figures of a data sheet."""
    whole = 1.0 / (config.fusing_ratio * config.rated_A) ** 2
    notch, body = whole * config.notch_share, whole * (1.0 - config.notch_share)
    slow = body / config.body_s
    quick = 1.0 / config.melting_A2s - slow
    return Body(quick, quick / notch), Body(slow, 1.0 / config.body_s)
