"""What is known of a role over time: every frame since an instant, past and to come."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from operator import methodcaller
from typing import TYPE_CHECKING

from hil.checks.check import Value
from hil.clock import NS_PER_MS
from hil.errors import HilError, NotOfferedError, UsageError
from hil.rig.absence import ABSENT, Absence, Seen
from hil.rig.known import REQUESTS, VALUES, is_known
from hil.rig.mistakes import lacking
from hil.rig.reading import Reading
from hil.rig.roles import Role

if TYPE_CHECKING:
    from hil.bus.frame import Frame
    from hil.frames.database import Message, Signal
    from hil.host.contract import Host
    from hil.responses.signals import Values
    from hil.rig.schema import RigConfig
    from hil.rig.wire import Wire

__tracebackhide__ = methodcaller("errisinstance", HilError)  # what pytest shows is the line of the test

_FEEDBACK = re.compile(r"contactor\..+\.feedback")
_SWITCH = {"open": 0.0, "closed": 1.0}  # as the twins count it


class Observer:
    """Finds roles in what was and will be on the bus.

    Args:
        config: The rig file.
        host: Where the buses run.
    """

    def __init__(self, config: RigConfig, host: Host) -> None:
        self.config = config
        self._host = host
        self.limits = config.limits

    def role(self, name: str) -> Role:
        """The role of a name, or the place on the bus of a twin port that the rig sends.

        Raises:
            NotOfferedError: If this BMS does not have it; the test is skipped with that reason.
            UsageError: If the name is nearly that of a role it has.
        """
        role = self.config.roles.get(name) or self._port(name)
        if role is None:
            raise lacking("role", name, self.config.roles, is_known=is_known(name))
        return role

    def request(self, name: str) -> Role:
        """The request of a name.

        Raises:
            NotOfferedError: If this BMS does not have it; the test is skipped with that reason.
            UsageError: If the name is nearly that of a request it has.
        """
        request = self.config.requests.get(name)
        if request is None:
            raise lacking("request", name, self.config.requests, is_known=name in REQUESTS)
        return request

    def wire(self, port: str) -> Wire | None:
        """The wire on which the rig sends a twin port."""
        wires = self.config.wires
        return next((w for w in wires if w.port == port and w.direction == "out"), None)

    def _port(self, name: str) -> Role | None:
        wire = self.wire(name)
        if wire is None:
            return None
        place = Role(name, wire.bus, wire.message, wire.signal)
        signal = self.signal(place)
        place = replace(place, reading=Reading(signal.index, scale=wire.scale, offset=wire.offset))
        names = {
            text.lower(): value * wire.scale + wire.offset for text, value in signal.named_values.items()
        }
        if _FEEDBACK.fullmatch(name):
            names |= _SWITCH  # a DBC file may have other words for it, or none
        return replace(place, values=names or None, unit=wire.unit)

    def signal(self, role: Role) -> Signal:
        """The signal that carries a role."""
        return self._message(role).signals[role.signal]

    def _message(self, role: Role) -> Message:
        return self.config.buses[role.bus].database.messages[role.message]

    def resolution(self, role: Role) -> float:
        """What two raw numbers of the role's signal differ by, in its unit."""
        return self.signal(role).step * abs(role.reading.scale)

    def cycle_ns(self, role: Role) -> int:
        """Cycle time of the role's message; 100 ms where the DBC gives none."""
        message = self._message(role)
        turns = max(message.turns_of(self.signal(role)), role.reading.turns)
        return (message.cycle_ns or 100 * NS_PER_MS) * turns

    def fresh_ns(self, role: Role) -> int:
        """How long what a frame says may have been so before it: a cycle, if it did not come on a change."""
        on_change = self._message(role).on_change
        return self.cycle_ns(role) if on_change is None else on_change.min_interval_ns

    def holds(self, role: Role) -> bool:
        """Whether the role's last frame counts, however old: its message comes on a change and never else."""
        message = self._message(role)
        return message.on_change is not None and not message.cycle_ns

    def held(self, role: Role, instant_ns: int) -> Seen | None:
        """What a role that :meth:`holds` said last, up to an instant; ``None`` of any other."""
        return self.last_before(role, instant_ns) if self.holds(role) else None

    def matcher(self, role: Role, wanted: Value) -> Callable[[float], bool]:
        """Whether a physical value is the wanted one; numbers to half a raw step.

        Raises:
            UsageError: If a name is not one of the role's values.
        """
        number = number_of(role, wanted)
        whole = role.reading.mask or role.reading.combinations or role.reading.numbers
        tolerance = 0.5 if whole else 0.51 * self.resolution(role)
        return lambda value: abs(value - number) <= tolerance

    def since(self, role: Role, since_ns: int) -> list[Seen]:
        """All values of frames after an instant, oldest first."""
        absence = self._absence(role)
        if absence is None:
            return self._said(role, since_ns)
        return absence.fill(self._said(role, since_ns - absence.after_ns), since_ns, self._host.now_ns)

    def _said(self, role: Role, since_ns: int) -> list[Seen]:
        read = role.reading.of
        rows = self._host.history(role.bus, role.message, since_ns)
        return [(t, value) for t, values in rows if (value := read(values)) is not None]

    def _absence(self, role: Role) -> Absence | None:
        """What it means that nothing is heard of a role, if it means anything."""
        return None if role.absent_ns is None else Absence(role.absent_ns, self.cycle_ns(role))

    def last_before(self, role: Role, instant_ns: int) -> Seen | None:
        """The value of the last frame up to an instant, within three of the role's cycles if it has any."""
        since_ns = 0 if self.holds(role) else instant_ns - 3 * self.cycle_ns(role)
        rows = self.since(role, since_ns)
        return next((row for row in reversed(rows) if row[0] <= instant_ns), None)

    def first(
        self, role: Role, since_ns: int, until_ns: int, matches: Callable[[float], bool]
    ) -> Seen | None:
        """The first matching frame after ``since_ns`` and up to ``until_ns``; time passes until it comes.

        By its timestamp: in real time a frame may be heard of after a stimulus that it precedes.
        """
        for t_ns, value in self.since(role, since_ns):
            if t_ns <= until_ns and matches(value):
                return t_ns, value
        found: list[Seen] = []
        read = role.reading.of

        def watch(frame: Frame, values: Values) -> None:
            value = read(values)
            in_time = since_ns < frame.t_ns <= until_ns
            if in_time and value is not None and matches(value):
                found.append((frame.t_ns, value))

        stop = self._host.subscribe(role.bus, role.message, watch)
        try:
            absent = self._first_absence(role, since_ns, until_ns, matches, found)
            if absent is not None:
                return absent
            # one tick on, for a frame that ends at the very deadline is in time
            if not found:
                self._host.run_until(max(until_ns + 1, self._host.now_ns), found)
        finally:
            stop()
        return found[0] if found else None

    def _first_absence(
        self,
        role: Role,
        since_ns: int,
        until_ns: int,
        matches: Callable[[float], bool],
        found: list[Seen],
    ) -> Seen | None:
        """When a role becomes absent, if that matches and no frame does before; time passes meanwhile."""
        absence = self._absence(role)
        if absence is None or not matches(ABSENT):
            return None
        while not found and self._host.now_ns <= until_ns:
            said = self._said(role, self._host.now_ns - absence.after_ns)
            due_ns = absence.next_ns(said[-1][0] if said else None, max(self._host.now_ns, since_ns))
            self._host.run_until(min(due_ns, until_ns) + 1, found)
            is_silent = not self._said(role, due_ns - absence.after_ns)
            if not found and due_ns <= until_ns and is_silent:
                return due_ns, ABSENT
        return None


def number_of(role: Role, value: Value) -> float:
    """A wanted value as the number that the role has for it.

    Raises:
        NotOfferedError: If the suite knows the name, and this BMS has no such value.
        UsageError: If a name is not one of the role's values.
    """
    if isinstance(value, str):
        if not role.values or value not in role.values:
            if value in VALUES.get(role.name, ()):
                raise NotOfferedError(f"the rig file gives {role.name!r} of this BMS no value {value!r}")
            known = ", ".join(role.values or ()) or "none: it is a number"
            raise UsageError(f"role {role.name} has no value {value!r}", remedy=f"it has {known}")
        return role.value_of(value)
    return float(value)
