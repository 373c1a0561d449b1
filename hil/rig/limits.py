"""What a BMS promises: thresholds, times, and how a fault is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from hil.errors import NotOfferedError, UsageError
from hil.frames.database import Database, Message
from hil.rig.curves import Curve, curves_of
from hil.rig.file_limits import LimitSection, TimingSection
from hil.rig.known import CONTACTORS, LIMITS, RETIRED
from hil.rig.mistakes import Mistakes, dotted, slip_of, suggest
from hil.rig.periods import delay_of
from hil.rig.timing import EXACT, PromisedTime, Timing
from hil.units import KINDS, Quantity

if TYPE_CHECKING:
    from hil.rig.roles import Role

_LEVELS = ("threshold", "warning", "derate", "release")  # all of one kind, in one order
_FIELDS = (*_LEVELS, "tolerance", "delay", "reaction", "timeout", "count", "events")
Clears = Literal["reset", "self", "service"]


@dataclass(frozen=True)
class Limit:
    """One limit. A field that the rig file does not give skips the test that asks for it.

    Attributes:
        name: As in ``[limits.NAME]``.
        numbers: ``threshold``, ``warning``, ``derate``, ``release`` in ``unit``, ``tolerance`` in
            ``tolerance_unit``, as far as they are given.
        delay_ns: From the first frame that carries the cause to the fault flag.
        reaction_ns: From the end of the delay to open contactors.
        timeout_ns: How long something may take or stay away. These three, the times of ``messages`` and
            those of ``extra`` know their tolerance.
        count: How often before the BMS reacts.
        events: Of a delay that is so many periods long; how many.
        above: Whether the fault is above the threshold; else below.
        clears: ``reset``: cause gone and reset asked; ``self``: cause gone; ``service``: in the
            workshop only.
        states: The states of the BMS in which it holds; empty: in all.
        order: Contactors as they close, those of one group at once; empty: not said.
        may_close: Whether the BMS may close first and open in time, where the cause is there before.
        messages: Timeout in ns by message, where each has its own.
        extra: More numbers that the suite may know, in the base units of their kinds.
        curves: How a current that is offered follows charge, temperature or voltage.
    """

    name: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    tolerance_unit: str = ""
    delay_ns: PromisedTime | None = None
    reaction_ns: PromisedTime | None = None
    timeout_ns: PromisedTime | None = None
    count: int | None = None
    events: int | None = None
    above: bool = True
    clears: Clears = "reset"
    states: tuple[str, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    may_close: bool = False
    messages: Mapping[str, PromisedTime] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    requirement: str = ""
    source: str = ""

    def has(self, *names: str) -> bool:
        """Whether all of these are given: ``threshold``, ``delay``, …, or names of ``extra``."""
        return all(self._get(name) is not None for name in names)

    @property
    def threshold(self) -> float:
        """Beyond this the contactors open; in ``unit``.

        Raises:
            NotOfferedError: If the rig file does not give it; so do the others.
        """
        return self.number("threshold")

    @property
    def warning(self) -> float:
        """Beyond this a warning is shown; in ``unit``."""
        return self.number("warning")

    @property
    def derate(self) -> float:
        """Beyond this the current limits shrink; in ``unit``."""
        return self.number("derate")

    @property
    def release(self) -> float:
        """The cause is gone when the value is back beyond this; in ``unit``."""
        return self.number("release")

    @property
    def tolerance(self) -> float:
        """Permitted deviation, in ``tolerance_unit``."""
        return self.number("tolerance")

    @property
    def delay(self) -> PromisedTime:
        """``delay_ns``, given."""
        return self.time("delay")

    @property
    def reaction(self) -> PromisedTime:
        """``reaction_ns``, given."""
        return self.time("reaction")

    @property
    def timeout(self) -> PromisedTime:
        """``timeout_ns``, given."""
        return self.time("timeout")

    def time(self, name: str) -> PromisedTime:
        """A time by name, of ``extra`` too, in ns; it knows its tolerance.

        Raises:
            NotOfferedError: If the rig file does not give it.
            UsageError: If the name is a slip of the pen, or what the rig file gives is no time.
        """
        value = self.number(name)
        if not isinstance(value, PromisedTime):
            raise UsageError(f"limit {self.name!r} has {name} = {value:g}, which is no time")
        return value

    def transient(self, percent: int) -> int:
        """A share of the shortest time, in ns, that a cause must have lasted before the BMS may react."""
        return self.delay.earliest * percent // 100

    def curve(self, of: str) -> Curve:
        """How it follows ``soc``, ``temperature_min``, ``temperature_max`` or ``voltage``.

        Raises:
            NotOfferedError: If the rig file does not give that curve.
        """
        if of not in self.curves:
            raise NotOfferedError(f"the rig file gives limit {self.name!r} no curve over {of}")
        return self.curves[of]

    def number(self, name: str) -> float:
        """A field by name, or one of ``extra``.

        Raises:
            NotOfferedError: If the rig file does not give it.
            UsageError: If the name is a slip of the pen.
        """
        value = self._get(name)
        if value is None:
            near = None if name in _FIELDS else slip_of(name, (*_FIELDS, *self.extra))
            if near:
                raise UsageError(f"limit {self.name!r} has no {name!r}", remedy=f"did you mean {near!r}?")
            raise NotOfferedError(f"the rig file gives limit {self.name!r} no {name}")
        return value

    def unit_of(self, name: str) -> str:
        """What :meth:`number` of a field is in; ``""``: a plain number, or not known."""
        if isinstance(self._get(name), PromisedTime):
            return "ns"
        if name == "tolerance":
            return self.tolerance_unit
        return self.unit if name in self.numbers else ""

    def _get(self, name: str) -> float | None:
        own = {
            "delay": self.delay_ns,
            "reaction": self.reaction_ns,
            "timeout": self.timeout_ns,
            "count": self.count,
            "events": self.events,
        }
        return own[name] if name in own else self.numbers.get(name, self.extra.get(name))


def limits_of(
    sections: Mapping[str, LimitSection],
    databases: Mapping[str, Database],
    node: str,
    roles: Mapping[str, Role],
    mistakes: Mistakes,
    timing: TimingSection | None = None,
) -> dict[str, Limit]:
    """All limits of a rig file; ``timing`` is for those that have none of their own."""
    received = {
        message.name: message
        for database in databases.values()
        for message in database.messages.values()
        if node not in message.senders
    }
    state = roles.get("state")
    states = state.values if state is not None else None
    limits = {}
    for name, section in sections.items():
        key = dotted("limits", name)
        levels = {n: getattr(section, n) for n in _LEVELS if getattr(section, n) is not None}
        if not section.model_fields_set - {"requirement", "source", "timing"}:
            mistakes.add(key, "promises nothing", "give it a threshold, a delay, …")
        _check_kinds(key, name, levels, mistakes)
        _check_order(key, section.order, mistakes)
        _check_retired(key, name, section.extra, mistakes)
        if states is not None:
            _check_states(key, section.states, states, mistakes)
        messages = _messages(key, section.messages, received, mistakes) if databases else {}
        limit = Limit(
            name=name,
            messages=messages,
            above=_side(key, section, levels, mistakes),
            delay_ns=_promised(delay_of(key, section, received, mistakes)),
            curves=curves_of(key, section.curve, section.threshold, mistakes),
        )
        limits[name] = _timed(_filled(limit, section, levels), section.timing or timing)
    return limits


def _filled(limit: Limit, section: LimitSection, levels: Mapping[str, Quantity]) -> Limit:
    """With all that stands in the section as it is."""
    numbers = {n: quantity.value for n, quantity in levels.items()}
    if section.tolerance is not None:
        numbers["tolerance"] = section.tolerance.value
    return replace(
        limit,
        numbers=numbers,
        unit=next((quantity.unit for quantity in levels.values()), ""),
        tolerance_unit=section.tolerance.unit if section.tolerance is not None else "",
        reaction_ns=_promised(section.reaction),
        timeout_ns=_promised(section.timeout),
        count=section.count,
        events=section.events,
        clears=section.clears or "reset",
        states=tuple(section.states),
        order=tuple(tuple(together.split("+")) for together in section.order),
        may_close=section.may_close,
        extra={n: _number(quantity) for n, quantity in section.extra.items()},
        requirement=section.requirement,
        source=section.source,
    )


def _number(quantity: Quantity) -> float:
    return PromisedTime(round(quantity.value)) if quantity.kind == "time" else quantity.value


def _promised(time_ns: int | None, timing: Timing = EXACT) -> PromisedTime | None:
    return None if time_ns is None else PromisedTime(time_ns, timing)


def _timed(limit: Limit, section: TimingSection | None) -> Limit:
    """The limit, its times with their tolerance."""
    if section is None:
        return limit
    timing = Timing(section.tolerance or 0, section.reason)
    extra = {n: PromisedTime(v, timing) if isinstance(v, PromisedTime) else v for n, v in limit.extra.items()}
    return replace(
        limit,
        delay_ns=_promised(limit.delay_ns, timing),
        reaction_ns=_promised(limit.reaction_ns, timing),
        timeout_ns=_promised(limit.timeout_ns, timing),
        messages={name: PromisedTime(time_ns, timing) for name, time_ns in limit.messages.items()},
        extra=extra,
    )


def _check_states(key: str, wanted: Sequence[str], states: Collection[str], mistakes: Mistakes) -> None:
    for number, state in enumerate(wanted):
        if state not in states:
            hint = suggest(state, states, "values of role 'state'")
            mistakes.add(f"{key}.states[{number + 1}]", f"there is no state {state!r}", hint)


def _check_retired(key: str, limit: str, extra: Collection[str], mistakes: Mistakes) -> None:
    """A number that no test reads any more promises nothing: what took its place does."""
    for name in extra:
        if instead := RETIRED.get((limit, name)):
            mistakes.add(f"{key}.extra.{name}", "no test reads it any more", f"say {instead}")


def _check_order(key: str, order: Sequence[str], mistakes: Mistakes) -> None:
    """Contactors that the suite knows, each once."""
    names = [name for together in order for name in together.split("+")]
    for name in names:
        if name not in CONTACTORS:
            hint = suggest(name, CONTACTORS, "contactors")
            mistakes.add(f"{key}.order", f"there is no contactor {name!r}", hint)
        elif names.count(name) > 1:
            mistakes.add(f"{key}.order", f"{name} is there twice", "a contactor closes once")
            return


def _check_kinds(key: str, limit: str, levels: Mapping[str, Quantity], mistakes: Mistakes) -> None:
    """All levels of a limit measure the same, and what the suite knows of it."""
    known = LIMITS.get(limit, "")
    first = next(iter(levels), "")
    for name, quantity in levels.items():
        if quantity.kind == (known or levels[first].kind):
            continue
        reason = f"{quantity.text!r} is of kind {quantity.kind}"
        if known:
            remedy = f"this limit is one of {known}, such as {KINDS[known].example!r}"
        else:
            remedy = f"{first} is of kind {levels[first].kind}: {levels[first].text!r}"
        mistakes.add(f"{key}.{name}", reason, remedy)


def _side(key: str, section: LimitSection, levels: Mapping[str, Quantity], mistakes: Mistakes) -> bool:
    """Whether the fault is above the threshold, as said or as the other levels lie."""
    threshold = levels.get("threshold")
    if threshold is None:
        return section.above is not False
    sides = {
        name: quantity.value < threshold.value
        for name, quantity in levels.items()
        if quantity.value != threshold.value
    }
    above = next(iter(sides.values()), True) if section.above is None else section.above
    for name, side in sides.items():
        if side != above:
            mistakes.add(
                f"{key}.{name}",
                f"{levels[name].text!r} is beyond the threshold {threshold.text!r}",
                f"the fault is {'above' if above else 'below'} the threshold",
            )
    return above


def _messages(
    key: str, timeouts: Mapping[str, int], received: Mapping[str, Message], mistakes: Mistakes
) -> dict[str, PromisedTime]:
    """Timeouts by message, patterns such as ``CM_*`` spread out; a message's own goes first."""
    found: dict[str, PromisedTime] = {}
    for pattern, timeout_ns in sorted(timeouts.items(), key=lambda item: item[0] not in received):
        names = [name for name in received if fnmatchcase(name, pattern)]
        if not names:
            hint = suggest(pattern, received, "messages to the BMS")
            mistakes.add(f"{key}.{dotted('messages', pattern)}", "no message to the BMS is called so", hint)
        for name in names:
            if received[name].on_change is None or received[name].cycle_ns:
                found.setdefault(name, PromisedTime(timeout_ns))
            elif name == pattern:
                reason = f"{name} is sent on a change only: that it is silent says nothing"
                remedy = "leave it out, or give the message a cycle in which it is sent without a change too"
                mistakes.add(f"{key}.{dotted('messages', name)}", reason, remedy)
    return found
