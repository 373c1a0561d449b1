"""When contactors may be closed, and how they close."""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Expect, Never, say_ns
from hil.clock import NS_PER_MS
from hil.errors import NotOfferedError
from hil.explore.cause import NEVER_NS
from hil.explore.invariants.invariant import (
    CONTACTORS,
    MAINS,
    Invariant,
    allowed_ns,
    begun,
    contactors,
    has_both_times,
    is_closed,
)
from hil.explore.scene import Scene
from hil.explore.violation import Violation

_STANDBY_NS = 500 * NS_PER_MS  # a request is heard by then


class ClosedInsideLimits(Invariant):
    """Beyond a limit for longer than delay and reaction no contactor is closed."""

    title = "no contactor is closed outside limits"

    def needs(self, scene: Scene) -> Iterator[str]:
        if not any(has_both_times(cause) for cause in scene.causes.values()):
            raise NotOfferedError("the rig file gives no limit with delay and reaction")
        return contactors(scene)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        closed = [role for role in self.roles if scene.heard_ns.get(role) == t_ns and is_closed(scene, role)]
        if not closed:
            return
        for name, cause in scene.causes.items():
            begun_ns = begun(scene, cause) if has_both_times(cause) else None
            if begun_ns is None:
                continue
            within_ns = cause.limit.delay + cause.limit.reaction
            if t_ns > begun_ns + allowed_ns(scene, within_ns, closed[0]):
                actual = f"closed, {say_ns(t_ns - begun_ns)} after the cause of {name}"
                yield self.said(name, Expect(closed[0], "open", within_ns), actual, t_ns)


class CurrentOffered(Invariant):
    """A current beyond what is offered is answered."""

    title = "no current beyond what is offered without a reaction"

    def __init__(self, scene: Scene) -> None:
        self._since: dict[str, int | None] = {}
        super().__init__(scene)

    def needs(self, scene: Scene) -> Iterator[str]:
        for name in ("discharge_current", "charge_current"):
            limit = scene.limits.get(name)
            if limit is None or not limit.has("tolerance", "offset", "delay", "reaction"):
                continue
            if f"limit.{name}" in scene.roles and "overcurrent_discharge" in scene.causes:
                yield from (f"limit.{name}", *contactors(scene))

    def begins(self) -> None:
        self._since.clear()

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        for role in self.roles:
            if not role.startswith("limit.") or scene.heard_ns.get(role) != t_ns:
                continue
            yield from self._judge(role, t_ns)

    def _judge(self, role: str, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        limit = scene.limits[role.removeprefix("limit.")]
        sign = 1 if "discharge" in role else -1
        most = scene.said[role] * (1 + limit.tolerance) + limit.number("offset")
        current = scene.current(t_ns)
        # a frame's offer is a cycle old and the offer moves: half as much again is surely beyond
        beyond = current is not None and sign * current > most + max(1.0, 0.05 * most)
        if (
            not beyond
            or scene.state not in ("operate", "charge")
            or scene.before.get(role) != scene.said[role]
        ):
            self._since[role] = None
            return
        since_ns = self._since.get(role)
        if since_ns is None:
            self._since[role] = t_ns
            return
        within_ns = limit.delay + limit.reaction
        late = t_ns > since_ns + allowed_ns(scene, within_ns, role)
        found = list(contactors(scene))
        if late and any(is_closed(scene, r) for r in found):
            actual = f"closed, {say_ns(t_ns - since_ns)} after {current:.0f} A where {most:.0f} A are allowed"
            yield self.said(role, Expect(found[0], "open", within_ns), actual, t_ns)


class ClosesOnRequest(Invariant):
    """No contactor closes while standby is asked for: a reset or a start closes none."""

    title = "no contactor closes by itself"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "mode" not in scene.rig.config.requests:
            raise NotOfferedError("the rig file gives this BMS no request 'mode'")
        return contactors(scene)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if scene.mode != "standby" or t_ns - scene.mode_ns < _STANDBY_NS:
            return
        for role in self.roles:
            before = scene.before.get(role)
            is_new = before is not None and before != scene.said.get(role)
            if is_new and is_closed(scene, role) and scene.heard_ns[role] == t_ns:
                never = Never(role, "closed", t_ns - scene.mode_ns)
                yield self.said(role, never, "closed, while standby is asked for", t_ns)


class Precharged(Invariant):
    """Both main contactors are closed only after the precharge contactor was."""

    title = "no closing without precharge"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._done = False

    def needs(self, scene: Scene) -> Iterator[str]:
        roles = list(contactors(scene))
        if len(roles) < len(CONTACTORS):
            raise NotOfferedError("the rig file does not give all three contactors")
        return iter(roles)

    def begins(self) -> None:
        self._done = False

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if any(scene.heard_ns.get(role, NEVER_NS) <= scene.powered_ns for role in self.roles):
            return
        closed = [role for role in self.roles if is_closed(scene, role)]
        if not closed:
            self._done = False
        if CONTACTORS[2] in closed and len(closed) < len(self.roles):
            self._done = True
        if all(role in closed for role in MAINS) and not self._done:
            self._done = True
            never = Never(MAINS[0], "closed", t_ns - scene.powered_ns)
            yield self.said("", never, "closed, and no precharge came before it", t_ns)
