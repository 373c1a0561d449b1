"""Which modes a BMS follows in which of its states; what it does not follow must not happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.roles import Role


@dataclass(frozen=True)
class Transitions:
    """What a BMS does where it is asked for a mode.

    Attributes:
        modes: All that it can be asked for, by name.
        said: By state, the modes that the rig file says are followed there.
    """

    modes: tuple[str, ...] = ()
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def follows(self, state: str) -> tuple[str, ...]:
        """The modes that are followed in a state: what the rig file says, or else what is usual.

        That is all of them in standby, none in a fault, which takes a reset first, and in all other states
        standby: from driving to charging only with the contactors open in between.
        """
        if state in self.said:
            return self.said[state]
        if state == "standby":
            return self.modes
        return tuple(mode for mode in self.modes if mode == "standby" and state != "fault")


def transitions_of(
    section: Mapping[str, Sequence[str]],
    roles: Mapping[str, Role],
    requests: Mapping[str, Role],
    mistakes: Mistakes,
) -> Transitions:
    """What ``[transitions]`` says, checked against the states and modes that there are."""
    modes = _names(requests.get("mode"))
    states = _names(roles.get("state"))
    for state, followed in section.items():
        key = dotted("transitions", state)
        if state not in states:
            mistakes.add(key, f"the role state has no {state!r}", suggest(state, states, "states"))
        for place, mode in enumerate(followed):
            if mode not in modes:
                reason = f"the request mode has no {mode!r}"
                mistakes.add(key + dotted(place), reason, suggest(mode, modes, "modes"))
    return Transitions(modes, {state: tuple(followed) for state, followed in section.items()})


def _names(role: Role | None) -> tuple[str, ...]:
    return tuple(role.values or ()) if role is not None else ()
