"""The state of charge: right, and not forgotten."""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Bounded
from hil.clock import NS_PER_S
from hil.errors import NotOfferedError
from hil.explore.cause import NEVER_NS
from hil.explore.invariants.invariant import Invariant
from hil.explore.scene import Scene
from hil.explore.violation import Violation


class SocBounded(Invariant):
    """The state of charge is right while no sensor lies."""

    title = "the SOC error is bounded"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "accuracy_soc" not in scene.limits:
            raise NotOfferedError("the rig file gives no limit 'accuracy_soc'")
        return (role for role in ("soc",) if role in scene.roles)

    def later(self, now_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if not scene.honest or now_ns < scene.ready_ns + 3 * NS_PER_S:
            return
        if now_ns - scene.heard_ns.get("soc", NEVER_NS) > 2 * scene.cycle_ns("soc"):
            return
        truth = 100.0 * scene.rig.truth("pack.soc")
        tolerance = 100.0 * scene.limits["accuracy_soc"].tolerance + 0.5
        value = scene.said["soc"]
        if abs(value - truth) > tolerance:
            bounded = Bounded("soc", truth - tolerance, truth + tolerance, "%")
            yield self.said("", bounded, f"{value:.1f} %", now_ns)


class SocKept(Invariant):
    """The state of charge outlives a power cycle."""

    title = "the SOC outlives a power cycle"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._before: float | None = None

    def needs(self, scene: Scene) -> Iterator[str]:
        if "accuracy_soc" not in scene.limits:
            raise NotOfferedError("the rig file gives no limit 'accuracy_soc'")
        return (role for role in ("soc",) if role in scene.roles)

    def begins(self) -> None:
        was_long_on = self.scene.soc_settled
        self._before = None if self.scene.cold or not was_long_on else self.scene.said.get("soc")

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if self._before is None or t_ns < scene.ready_ns + NS_PER_S:
            return
        before, self._before = self._before, None
        tolerance = min(100.0 * scene.limits["accuracy_soc"].tolerance, 1.0)
        if t_ns < scene.ready_ns + 2 * NS_PER_S and abs(scene.said["soc"] - before) > tolerance:
            bounded = Bounded("soc after a power cycle", before - tolerance, before + tolerance, "%")
            yield self.said("", bounded, f"{scene.said['soc']:.1f} %", t_ns)
