"""What is reported: every fault that has a cause and no other, with a memory that keeps it."""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Bounded, Expect, Stays, say_ns
from hil.clock import NS_PER_S
from hil.errors import NotOfferedError
from hil.explore.invariants.invariant import Invariant, allowed_ns, begun
from hil.explore.scene import SLACK_NS, Scene
from hil.explore.violation import Violation


class CausesReported(Invariant):
    """What is beyond its threshold for its delay is reported, as what it is, and stays so meanwhile."""

    title = "every fault is reported"

    def needs(self, scene: Scene) -> Iterator[str]:
        for name, cause in scene.causes.items():
            if f"fault.{name}" in scene.roles and cause.limit.delay_ns is not None:
                yield f"fault.{name}"

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        for role in self.roles:
            if scene.said.get(role) or scene.heard_ns.get(role) != t_ns:
                continue
            cause = scene.causes[role.removeprefix("fault.")]
            begun_ns = begun(scene, cause)
            within_ns = cause.limit.delay
            if begun_ns is None or t_ns <= begun_ns + allowed_ns(scene, within_ns, role):
                continue
            lasts = say_ns(t_ns - begun_ns)
            yield self.said(role, Expect(role, True, within_ns), f"clear, {lasts} after its cause", t_ns)


class FaultsFounded(Invariant):
    """A fault that is reported has its cause on the wire."""

    title = "the right fault is reported"
    _others = ("pack_", "overcurrent_", "isolation")  # these have more causes than the one that is followed

    def needs(self, scene: Scene) -> Iterator[str]:
        for name, cause in scene.causes.items():
            if name.startswith(self._others) or cause.limit.clears == "service":
                continue
            if f"fault.{name}" in scene.roles:
                yield f"fault.{name}"

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if t_ns < scene.untrusted_ns + 10 * NS_PER_S or t_ns < scene.ready_ns:
            return
        for role in self.roles:
            cause = scene.causes[role.removeprefix("fault.")]
            if scene.heard_ns.get(role) != t_ns or not scene.rises(role):
                continue
            if t_ns - cause.last_ns > 1 * NS_PER_S + 2 * scene.cycle_ns(role):
                none = "no frame of the last second carried its cause"
                yield self.said(
                    role, Stays(role, False, t_ns - scene.powered_ns), f"set, though {none}", t_ns
                )


class FirstFaultIsOfNow(Invariant):
    """While no fault is there, no first fault is told."""

    title = "the first fault is that of now"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._none: float | None = None
        self._clear_ns: int | None = None

    def needs(self, scene: Scene) -> Iterator[str]:
        if "fault" not in scene.roles:
            raise NotOfferedError("the rig file gives this BMS no role 'fault'")
        return (role for role in ("first_fault",) if role in scene.roles)

    def begins(self) -> None:
        self._clear_ns = None

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if scene.said.get("fault", 1.0) or scene.set_roles("fault."):
            self._clear_ns = None
            return
        self._clear_ns = t_ns if self._clear_ns is None else self._clear_ns
        if t_ns - self._clear_ns < 2 * scene.cycle_ns("first_fault") + SLACK_NS:
            return
        code = scene.said["first_fault"]
        if self._none is None:
            self._none = code
        elif code != self._none:
            stays = Stays("first_fault", self._none, t_ns - self._clear_ns)
            yield self.said("", stays, f"{code:g}, and no fault is set", t_ns)


class MemoryKept(Invariant):
    """The fault memory forgets nothing but at a cold start."""

    title = "the fault memory forgets nothing"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._most = 0.0

    def needs(self, scene: Scene) -> Iterator[str]:
        return (role for role in ("dtc.count",) if role in scene.roles)

    def begins(self) -> None:
        if self.scene.cold:
            self._most = 0.0

    def broken(self, t_ns: int) -> Iterator[Violation]:
        count = self.scene.said["dtc.count"]
        if count < self._most:
            bounded = Bounded("entries of the fault memory", self._most, None, "")
            yield self.said("", bounded, f"{count:g}", t_ns)
        self._most = max(self._most, count)
