"""What must hold at every instant of every life, made from the rig's limits and roles.

Each invariant is asked after every frame of the messages that carry its roles, and names the first frame that
shows it broken. It gives the BMS two cycles of the role's message more than its limit, so that limits met at
their edge are no failures. One that the rig lacks a role or a limit for is not checked, with that reason.
"""

# ruff: noqa: D102 - each class says what it is about

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Bounded, Check, Expect, Heard, Never, Stays, say_ns
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import NotOfferedError
from hil.explore.cause import NEVER_NS, Cause
from hil.explore.scene import SLACK_NS, Scene
from hil.explore.violation import Violation

_CONTACTORS = ("contactor.main_plus", "contactor.main_minus", "contactor.precharge")
_MAINS = _CONTACTORS[:2]
_LATER = 1.05  # of a promised time: the firmware counts in steps
_OF_SILENCE = ("frame_timeout", "e2e", "cell_sensor", "temperature_sensor", "current_sensor")
_SILENT_CYCLES = 5
_STANDBY_NS = 500 * NS_PER_MS  # a request is heard by then


class Invariant:
    """One statement about all lives.

    Args:
        scene: What is known; it is the present one whenever :meth:`broken` is asked.

    Attributes:
        title: What must hold.
        roles: After whose frames it is asked.

    Raises:
        NotOfferedError: If the rig lacks what it needs.
    """

    title = ""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.roles = tuple(self.needs(scene))
        if not self.roles:
            raise NotOfferedError("the rig file gives this BMS no role for it")

    def needs(self, scene: Scene) -> Iterator[str]:
        """The roles it looks at."""
        raise NotImplementedError

    def broken(self, t_ns: int) -> Iterator[Violation]:
        """Where it does not hold, now that a frame came."""
        del t_ns
        return iter(())

    def later(self, now_ns: int) -> Iterator[Violation]:
        """Where it does not hold, now that some time has passed."""
        del now_ns
        return iter(())

    def begins(self) -> None:
        """The BMS was switched on."""

    def said(self, subject: str, check: Check, actual: str, t_ns: int) -> Violation:
        """It does not hold."""
        return Violation(self.title, subject, check, actual, t_ns)


def _closed(scene: Scene, role: str) -> bool:
    return scene.said.get(role) == scene.roles[role].value_of("closed")


def _contactors(scene: Scene) -> Iterator[str]:
    return (role for role in _CONTACTORS if role in scene.roles)


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
            if begun_ns is None or t_ns <= begun_ns + _allowed(scene, within_ns, role):
                continue
            lasts = say_ns(t_ns - begun_ns)
            yield self.said(role, Expect(role, True, within_ns), f"clear, {lasts} after its cause", t_ns)


class ClosedInsideLimits(Invariant):
    """Beyond a limit for longer than delay and reaction no contactor is closed."""

    title = "no contactor is closed outside limits"

    def needs(self, scene: Scene) -> Iterator[str]:
        if not any(_both(cause) for cause in scene.causes.values()):
            raise NotOfferedError("the rig file gives no limit with delay and reaction")
        return _contactors(scene)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        closed = [role for role in self.roles if scene.heard_ns.get(role) == t_ns and _closed(scene, role)]
        if not closed:
            return
        for name, cause in scene.causes.items():
            begun_ns = begun(scene, cause) if _both(cause) else None
            if begun_ns is None:
                continue
            within_ns = cause.limit.delay + cause.limit.reaction
            if t_ns > begun_ns + _allowed(scene, within_ns, closed[0]):
                actual = f"closed, {say_ns(t_ns - begun_ns)} after the cause of {name}"
                yield self.said(name, Expect(closed[0], "open", within_ns), actual, t_ns)


def _both(cause: Cause) -> bool:
    return cause.limit.has("delay", "reaction")


def _allowed(scene: Scene, within_ns: int, role: str) -> int:
    return int(within_ns * _LATER) + 2 * scene.cycle_ns(role) + SLACK_NS


def begun(scene: Scene, cause: Cause) -> int | None:
    """Since when the BMS must count a cause; ``None``: it need not."""
    if cause.since_ns is None:
        return None
    instants = [cause.since_ns, scene.ready_ns + int(cause.limit.extra.get("first_within", 0))]
    if cause.limit.states:
        if scene.state not in cause.limit.states:
            return None
        instants.append(scene.state_ns)
    return max(instants)


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


class ClosesOnRequest(Invariant):
    """No contactor closes while standby is asked for: a reset or a start closes none."""

    title = "no contactor closes by itself"

    def needs(self, scene: Scene) -> Iterator[str]:
        if "mode" not in scene.rig.config.requests:
            raise NotOfferedError("the rig file gives this BMS no request 'mode'")
        return _contactors(scene)

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if scene.mode != "standby" or t_ns - scene.mode_ns < _STANDBY_NS:
            return
        for role in self.roles:
            before = scene.before.get(role)
            is_new = before is not None and before != scene.said.get(role)
            if is_new and _closed(scene, role) and scene.heard_ns[role] == t_ns:
                never = Never(role, "closed", t_ns - scene.mode_ns)
                yield self.said(role, never, "closed, while standby is asked for", t_ns)


class Precharged(Invariant):
    """Both main contactors are closed only after the precharge contactor was."""

    title = "no closing without precharge"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._done = False

    def needs(self, scene: Scene) -> Iterator[str]:
        roles = list(_contactors(scene))
        if len(roles) < len(_CONTACTORS):
            raise NotOfferedError("the rig file does not give all three contactors")
        return iter(roles)

    def begins(self) -> None:
        self._done = False

    def broken(self, t_ns: int) -> Iterator[Violation]:
        scene = self.scene
        if any(scene.heard_ns.get(role, NEVER_NS) <= scene.powered_ns for role in self.roles):
            return
        closed = [role for role in self.roles if _closed(scene, role)]
        if not closed:
            self._done = False
        if _CONTACTORS[2] in closed and len(closed) < len(self.roles):
            self._done = True
        if all(role in closed for role in _MAINS) and not self._done:
            self._done = True
            never = Never(_MAINS[0], "closed", t_ns - scene.powered_ns)
            yield self.said("", never, "closed, and no precharge came before it", t_ns)


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
        if {last, self._last} == {"operate", "charge"}:
            stays = Stays("state", last, t_ns - self.scene.powered_ns)
            yield self.said("", stays, f"{self._last} at once after {last}", t_ns)


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
                yield from (f"limit.{name}", *_contactors(scene))

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
        contactors = list(_contactors(scene))
        if t_ns > since_ns + _allowed(scene, within_ns, role) and any(_closed(scene, r) for r in contactors):
            actual = f"closed, {say_ns(t_ns - since_ns)} after {current:.0f} A where {most:.0f} A are allowed"
            yield self.said(role, Expect(contactors[0], "open", within_ns), actual, t_ns)


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
        if asked_ns < scene.ready_ns or t_ns <= asked_ns + _allowed(scene, within_ns, "state"):
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


ALL: tuple[type[Invariant], ...] = (
    *(ClosedInsideLimits, CausesReported, FaultsFounded, Latched, ServiceFaultsStay, Recovers, KnownStates),
    *(Starts, ClosesOnRequest, Precharged, NoShortcut, CurrentOffered, NoBalancingInFault, MemoryKept),
    *(FirstFaultIsOfNow, SocBounded, SocKept, KeepsTalking),
)
