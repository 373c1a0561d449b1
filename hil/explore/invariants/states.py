"""Which states there are, how one leads to another, and that the BMS goes on to tell them."""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Expect, Heard, Never, Stays, say_ns
from hil.errors import NotOfferedError
from hil.explore.cause import NEVER_NS
from hil.explore.invariants.invariant import Invariant
from hil.explore.scene import SLACK_NS, Scene
from hil.explore.violation import Violation

_SILENT_CYCLES = 5


class KnownStates(Invariant):
    """The state is one of those that the rig file gives."""

    title = "no undocumented state"

    def needs(self, scene: Scene) -> Iterator[str]:
        return (role for role in ("state",) if role in scene.roles)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        value = self.scene.said["state"]
        values = self.scene.roles["state"].values or {}
        if value not in values.values():
            since_ns = max(0, t_ns - self.scene.powered_ns)
            yield self.said(f"{value:g}", Never("state", value, since_ns), "a frame with it", t_ns)


class Starts(Invariant):
    """A state other than the first comes in the time of ``limits.startup``."""

    title = "it starts in time"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "startup" not in scene.limits or not scene.limits["startup"].delay_ns:
            raise NotOfferedError("the rig file gives limit 'startup' no delay")
        return (role for role in ("state",) if role in scene.roles)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if scene.state == "init" and scene.untrusted_ns < scene.powered_ns:
            late_ns = t_ns - max(scene.ready_ns, scene.state_ns) - 2 * scene.cycle_ns("state") - SLACK_NS
            if late_ns > scene.ready_ns - scene.powered_ns:
                within_ns = scene.ready_ns - scene.powered_ns
                yield self.said("", Expect("state", "standby", within_ns), "it stays in init", t_ns)


class NoShortcut(Invariant):
    """From driving to charging and back by way of standby only."""

    title = "no way from driving to charging but by standby"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._last = ""

    def needs(self, scene: Scene) -> Iterator[str]:
        values = (scene.roles["state"].values or {}) if "state" in scene.roles else {}
        if "charge" not in values or "operate" not in values:
            raise NotOfferedError("the rig file gives the state no 'operate' and 'charge'")
        return iter(("state",))

    def begins(self) -> None:
        self._last = ""

    def broken(self, t_ns: int) -> Iterator[Violation]:
        last, self._last = self._last, self.scene.state
        followed = self.scene.rig.config.transitions.follows(last)
        if {last, self._last} == {"operate", "charge"} and self._last not in followed:
            stays = Stays("state", last, t_ns - self.scene.powered_ns)
            yield self.said("", stays, f"{self._last} at once after {last}", t_ns)


class NoBalancingInFault(Invariant):
    """No cell is balanced in the fault state."""

    title = "no balancing in the fault state"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "balancing" not in scene.limits or "state" not in scene.roles:
            raise NotOfferedError("the rig file gives no limit 'balancing', or no state")
        return (role for role in scene.roles if role.startswith("balancing["))

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if scene.state != "fault":
            return
        allowed_ns = (
            int(scene.limits["balancing"].delay_ns or 0) + 2 * scene.cycle_ns(self.roles[0]) + SLACK_NS
        )
        if t_ns - scene.state_ns <= allowed_ns:
            return
        for role in self.roles:
            if scene.said.get(role) and scene.heard_ns[role] == t_ns:
                stays = Stays(role, False, t_ns - scene.state_ns)
                yield self.said("", stays, f"set, {say_ns(t_ns - scene.state_ns)} after the fault", t_ns)
                return


class KeepsTalking(Invariant):
    """Each cyclic message that once came goes on to come, after a start too."""

    title = "messages keep coming"

    def needs(self, scene: Scene) -> Iterator[str]:
        self._cycles = scene.rig.messages.of_bms()
        return (role for role in ("state",) if role in scene.roles)

    def later(self, now_ns: int) -> Iterator[Violation]:
        scene = self.scene
        for message, cycle_ns in self._cycles.items():
            most_ns = _SILENT_CYCLES * cycle_ns + SLACK_NS
            since_ns = max(scene.powered_ns, now_ns - most_ns)
            must = scene.ready_ns + most_ns if message in scene.talking else now_ns + 1
            if now_ns > must and not scene.rig.messages.arrivals(message, since_ns):
                yield self.said(message, Heard(message, most_ns), "none", now_ns)
        if now_ns > scene.ready_ns + SLACK_NS and scene.heard_ns.get("state", NEVER_NS) < scene.powered_ns:
            startup_ns = scene.ready_ns - scene.powered_ns
            yield self.said("state", Heard("state", startup_ns), "none since it was switched on", now_ns)
