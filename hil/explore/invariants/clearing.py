"""How a fault ends: by a reset alone, by the workshop alone, and then for good."""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Expect, Stays
from hil.clock import NS_PER_S
from hil.errors import NotOfferedError
from hil.explore.invariants.invariant import Invariant, allowed_ns
from hil.explore.scene import SLACK_NS, Scene
from hil.explore.violation import Violation

_OF_SILENCE = ("frame_timeout", "e2e", "cell_sensor", "temperature_sensor", "current_sensor")


class Latched(Invariant):
    """A fault ends with a reset in standby or a start; one for the workshop with a cold start only."""

    title = "a fault ends by a reset alone"

    def needs(self, scene: Scene) -> Iterator[str]:
        for name, limit in scene.limits.items():
            if f"fault.{name}" in scene.roles and limit.clears in ("reset", "service"):
                yield f"fault.{name}"

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        for role in self.roles:
            if scene.heard_ns.get(role) != t_ns or not scene.falls(role):
                continue
            is_service = scene.limits[role.removeprefix("fault.")].clears == "service"
            if is_service or t_ns - scene.reset_ns > 1 * NS_PER_S:
                actual = "clear without a reset" if not is_service else "clear without a workshop"
                yield self.said(role, Stays(role, True, t_ns - scene.powered_ns), actual, t_ns)


class ServiceFaultsStay(Invariant):
    """A fault for the workshop outlives a power cycle."""

    title = "what only the workshop clears outlives a power cycle"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._owed: set[str] = set()

    def needs(self, scene: Scene) -> Iterator[str]:
        for name, limit in scene.limits.items():
            if f"fault.{name}" in scene.roles and limit.clears == "service":
                yield f"fault.{name}"

    def begins(self) -> None:
        if self.scene.cold:
            self._owed.clear()

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        self._owed.update(role for role in self.roles if scene.said.get(role))
        if t_ns < scene.ready_ns + SLACK_NS:
            return
        for role in self.roles:
            if role in self._owed and scene.heard_ns.get(role) == t_ns and not scene.said[role]:
                stays = Stays(role, True, t_ns - scene.powered_ns)
                yield self.said(role, stays, "clear after a power cycle", t_ns)


class Recovers(Invariant):
    """A reset without a cause left ends the fault state."""

    title = "a reset ends a fault without a cause"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "reset" not in scene.rig.config.requests or "standby" not in scene.limits:
            raise NotOfferedError("the rig file gives no request 'reset', or no limit 'standby'")
        return (role for role in ("state",) if role in scene.roles)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        asked_ns = scene.reset_ns
        if scene.state != "fault" or scene.state_ns > asked_ns or scene.mode != "standby":
            return
        within_ns = int(scene.limits["standby"].delay_ns or NS_PER_S)
        if asked_ns < scene.ready_ns or t_ns <= asked_ns + allowed_ns(scene, within_ns, "state"):
            return
        if self._is_healed(asked_ns):
            told = ", ".join(scene.set_roles("fault.")) or "no fault set"
            yield self.said("", Expect("state", "standby", within_ns), f"fault, with {told}", t_ns)

    def _is_healed(self, at_ns: int) -> bool:
        """Whether all causes were gone long before the reset."""
        scene = self.scene
        if scene.mended_ns is None or at_ns < scene.mended_ns + scene.settle_ns or at_ns < scene.untrusted_ns:
            return False
        if any(at_ns - cause.outside_ns < cause.settle_ns for cause in scene.causes.values()):
            return False
        known = {f"fault.{name}" for name in (*scene.causes, *_OF_SILENCE)}
        service = {f"fault.{n}" for n, limit in scene.limits.items() if limit.clears == "service"}
        return set(scene.set_roles("fault.")) <= known - service
