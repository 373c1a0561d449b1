"""What every invariant is, and what several of them ask of the scene."""

from __future__ import annotations

from collections.abc import Iterator

from hil.checks.check import Check
from hil.errors import NotOfferedError
from hil.explore.cause import Cause
from hil.explore.scene import SLACK_NS, Scene
from hil.explore.violation import Violation
from hil.rig.timing import latest

CONTACTORS = ("contactor.main_plus", "contactor.main_minus", "contactor.precharge")
MAINS = CONTACTORS[:2]
_LATER = 1.05  # of a promised time: the firmware counts in steps


class Invariant:
    """One statement about all lives.

    Args:
        scene: What is known; it is the present one whenever :meth:`broken` is asked.

    Attributes:
        title: What must hold.
        roles: After whose frames it is asked, of those that carry one of them.

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


def is_closed(scene: Scene, role: str) -> bool:
    """Whether the contactor of a role is said to be closed."""
    return scene.said.get(role) == scene.roles[role].value_of("closed")


def contactors(scene: Scene) -> Iterator[str]:
    """The roles of the contactors that this BMS tells."""
    return (role for role in CONTACTORS if role in scene.roles)


def has_both_times(cause: Cause) -> bool:
    """Whether the limit says how long report and opening may take."""
    return cause.limit.has("delay", "reaction")


def allowed_ns(scene: Scene, within_ns: int, role: str) -> int:
    """A promised time at its latest, as a frame of the role can show it, in ns: with two of its cycles."""
    return int(latest(within_ns) * _LATER) + 2 * scene.cycle_ns(role) + SLACK_NS


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
