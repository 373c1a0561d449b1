"""``[requests]``: what can be asked of the BMS, by a signal, by steps, and by what has to go on meanwhile."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from hil.errors import UnitError, UsageError
from hil.rig.address import AddressBook
from hil.rig.fields import Number
from hil.rig.file import KeepAliveSection, RequestSection, StepSection
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.readings import ReadingReader
from hil.rig.roles import Role, RoleReader, role_at
from hil.rig.wire import Wiring
from hil.units import number_in, say

_KINDS = ("signal", "set", "wait", "until")
_KEYS = {
    "signal": ("signal", "to"),
    "set": ("set", "to"),
    "wait": ("wait",),
    "until": ("until", "is_", "within"),
}
_FORMS = {
    "signal": '{ signal = "bus/Message.Signal", to = 1 }',
    "set": '{ set = "port", to = 1 }',
    "wait": '{ wait = "200 ms" }',
    "until": '{ until = "state", is = "precharge", within = "1 s" }',
}
_OF_SIGNALS = ("values", "default", "keep_alive")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Step:
    """One step of a request.

    Attributes:
        kind: ``signal``: a value is sent; ``set``: a port is set; ``wait``: time passes; ``until``: the BMS
            has said something.
        name: Of what is asked, port or role.
        value: In the unit of its port, signal or role.
        span_ns: How long to wait, at most if until something is said.
        text: In words.
    """

    kind: Literal["signal", "set", "wait", "until"]
    text: str
    name: str = ""
    value: float = 0.0
    span_ns: int = 0


@dataclass(frozen=True)
class KeepAlive:
    """A signal that changes for as long as something is asked.

    Attributes:
        values: Physical; the first is sent while nothing is asked, then each in turn.
        every_ns: Time from one to the next.
    """

    bus: str
    message: str
    signal: str
    values: tuple[float, ...]
    every_ns: int


@dataclass(frozen=True)
class Manner:
    """How a request is asked, where that is more than a value of its signal.

    Attributes:
        steps: By the number of the request's value.
        owns_signal: Whether it has a signal of its own; if not, its place is that of its first step's.
        keep_alive: What changes while its signal is not at its default.
        only_while_asked: Whether its message is sent only while its signal is not at its default.
    """

    steps: Mapping[float, tuple[Step, ...]] = field(default_factory=dict)
    owns_signal: bool = True
    keep_alive: KeepAlive | None = None
    only_while_asked: bool = False

    def written(self, role: Role, number: float) -> float:
        """A number that somebody asks for; without a signal it is one that steps are written under.

        Those of names are made up there: who asks for one means the number of some signal.

        Raises:
            UsageError: If there are no such steps.
        """
        names = role.values or {}
        numbers = [known for known in self.steps if known not in names.values()]
        if not self.owns_signal and number not in numbers:
            has = ", ".join([*names, *(f"{known:g}" for known in numbers)])
            raise UsageError(f"request {role.name!r} has no steps for {number:g}", remedy=f"it has {has}")
        return number

    def leaves(self, value: float) -> dict[str, float]:
        """What the steps to a value leave in their signals in the end, by what is asked."""
        return {step.name: step.value for step in self.steps.get(value, ()) if step.kind == "signal"}


PLAIN = Manner()


@dataclass
class Requests:
    """All that can be asked.

    Attributes:
        requests: By name.
        parts: Signals that only steps send, by address.
        manners: Of the requests that are more than a value, by name.
    """

    requests: dict[str, Role] = field(default_factory=dict)
    parts: dict[str, Role] = field(default_factory=dict)
    manners: dict[str, Manner] = field(default_factory=dict)


class RequestReader:
    """Resolves requests.

    Args:
        book: Finds signals.
        wiring: Knows who sends what, which signals of the rig have a source already, and the ports.
        roles: What the BMS says, and who reads that.
        mistakes: Where mistakes go.
    """

    def __init__(
        self,
        book: AddressBook,
        wiring: Wiring,
        roles: tuple[RoleReader, Mapping[str, Role]],
        mistakes: Mistakes,
    ) -> None:
        self._book = book
        self._wiring = wiring
        self._reader, self._roles = roles
        self._mistakes = mistakes
        self._readings = ReadingReader(book, mistakes)
        self._owners: dict[tuple[str, str, str], str] = {}  # requests by their signals
        self._names: dict[str, dict[str, float]] = {}  # and the names of those signals' values
        self._found = Requests()

    def requests(self, sections: Mapping[str, RequestSection]) -> Requests:
        """What can be asked of the BMS: signals that the rig sends and nothing else feeds."""
        for name, section in sections.items():
            if section.signal:
                self._own(name, section)
        for name, section in sections.items():
            if not section.signal:
                self._by_steps(name, section)
            elif name in self._found.requests:
                self._by_signal(name, section)
        return self._found

    def wanted(
        self, key: str, values: Mapping[str, Number], declared: Collection[str]
    ) -> dict[str, float]:
        """Values for requests, by name or number; of one that came to nothing is told elsewhere."""
        found = {}
        for name, value in values.items():
            role, here = self._found.requests.get(name), f"{key}.{name}"
            if role is None:
                if name not in declared and dotted("requests", name) not in self._mistakes.broken:
                    hint = suggest(name, self._found.requests, "requests")
                    self._mistakes.add(here, f"there is no request {name!r}", hint)
                continue
            number = self._number(here, role, value)
            if number is not None:
                found[name] = number
        return found

    def _number(self, key: str, role: Role, value: Number) -> float | None:
        """The number of what is asked; ``None`` and a mistake if there is none."""
        manner = self._found.manners.get(role.name, PLAIN)
        if not manner.owns_signal and not isinstance(value, str):
            try:
                return manner.written(role, value)
            except UsageError as error:
                self._mistakes.take(error, key)
                return None
        place = self._book.place(key, role.bus, role.message, role.signal)
        return self._reader.number(key, value, role.values, place) if place else None

    def _own(self, name: str, section: RequestSection) -> None:
        """The signal of a request, which is claimed."""
        key = dotted("requests", name)
        self._readings.refuse(key, section)
        place = self._book.find(f"{key}.signal", section.signals[0])
        if place is None or not self._wiring.rig_sends(key, place, f"request {name!r} goes to"):
            return
        if not self._wiring.claim(key, place):
            return
        values = self._reader.values(key, name, section, place)
        default = self._reader.number(f"{key}.default", section.default or 0.0, values, place)
        if default is not None:
            self._owners[place.key] = name
            self._names[name] = values or {}
            numbers = _with_steps(values or {}, section.steps) or values
            self._found.requests[name] = role_at(name, place, numbers, None, default)

    def _by_signal(self, name: str, section: RequestSection) -> None:
        """What there is to a request besides its signal."""
        key, names = dotted("requests", name), self._found.requests[name].values or {}
        keep_alive = self._keep_alive(f"{key}.keep_alive", section.keep_alive)
        only_while_asked = section.send == "while-asked"
        steps = self._all_steps(name, section, names)
        manner = Manner(steps, keep_alive=keep_alive, only_while_asked=only_while_asked)
        if manner != PLAIN:
            self._found.manners[name] = manner

    def _by_steps(self, name: str, section: RequestSection) -> None:
        """A request that has no signal of its own; its place is where its first step sends something."""
        key = dotted("requests", name)
        self._readings.refuse(key, section)
        if not self._may_lack_a_signal(key, section):
            return
        self._reader.check_names(key, name, list(section.steps))
        names = _with_steps({}, section.steps)
        steps = self._all_steps(name, section, names)
        sent = [step.name for each in steps.values() for step in each if step.kind == "signal"]
        if not sent:
            if all(len(steps[number]) == len(section.steps[value]) for value, number in names.items()):
                self._mistakes.add(f"{key}.steps", "no step sends a signal", _FORMS["signal"])
            return
        first = self._found.parts.get(sent[0]) or self._found.requests[sent[0]]
        self._found.requests[name] = Role(name, first.bus, first.message, first.signal, names or None)
        self._found.manners[name] = Manner(steps, owns_signal=False)

    def _may_lack_a_signal(self, key: str, section: RequestSection) -> bool:
        """Only a request all of whose values are steps has no signal, and nothing that is about one."""
        if not section.steps:
            self._mistakes.add(f"{key}.signal", "is missing", "or steps for each of its values")
            return False
        of_signal = [name for name in _OF_SIGNALS if name in section.model_fields_set]
        of_signal += ["send"] if section.send == "while-asked" else []
        for part in of_signal:
            self._mistakes.add(f"{key}.{part}", "is about the request's signal, and it has none")
        return not of_signal

    # -- steps --------------------------------------------------------------------------------

    def _all_steps(
        self, name: str, section: RequestSection, names: Mapping[str, float]
    ) -> dict[float, tuple[Step, ...]]:
        """By the number of the value that they lead to."""
        found: dict[float, tuple[Step, ...]] = {}
        values: dict[float, str] = {}
        for value in section.steps:
            number = names[value] if value in names else _plain(value)
            other = values.setdefault(number, value)
            if other != value:
                reason = f"is {number:g}, which has steps already: those of {other!r}"
                self._mistakes.add(dotted("requests", name, "steps", value), reason, "keep one of them")
            found[number] = self._steps(name, value, section)
        return found

    def _steps(self, name: str, value: str, section: RequestSection) -> tuple[Step, ...]:
        key = dotted("requests", name, "steps", value)
        if not section.values and section.signal and not _NUMBER.fullmatch(value):
            reason = f"{name!r} has no names for its values"
            self._mistakes.add(key, reason, "a number: steps.1 = […], or name them in values")
        steps = [
            self._step(f"{key}[{number}]", name, step, section)
            for number, step in enumerate(section.steps[value], start=1)
        ]
        return tuple(step for step in steps if step is not None)

    def _step(self, key: str, name: str, step: StepSection, section: RequestSection) -> Step | None:
        given = step.model_fields_set
        kinds = [kind for kind in _KINDS if kind in given]
        if kinds == [] and given == {"to"} and section.signal:
            return self._sends(key, name, section.signals[0], step.to)
        if len(kinds) != 1:
            reason = f"is {' and '.join(kinds) or 'nothing'} at once" if kinds else "says not what to do"
            self._mistakes.add(key, reason, f"one of {', '.join(_FORMS.values())}")
            return None
        kind = kinds[0]
        strange = sorted(name.rstrip("_") for name in given - set(_KEYS[kind]))
        missing = [name.rstrip("_") for name in _KEYS[kind] if name not in given]
        if strange or missing:
            what = f"has no {strange[0]!r}" if strange else f"lacks {missing[0]!r}"
            self._mistakes.add(key, f"a step with {kind!r} {what}", _FORMS[kind])
            return None
        if kind == "wait":
            span_ns = step.wait or 0
            return Step("wait", f"wait {say(span_ns, 'ns')}", span_ns=span_ns)
        if kind == "signal":
            return self._sends(key, name, step.signal or "", step.to)
        return self._sets(key, step) if kind == "set" else self._until(key, step)

    def _sends(self, key: str, request: str, address: str, to: Number | None) -> Step | None:
        """A value in a signal: a request's own, or one that is for steps only."""
        place = self._book.find(f"{key}.signal", address)
        if place is None or not self._wiring.rig_sends(key, place, f"request {request!r} goes to"):
            return None
        owner = self._owners.get(place.key)
        if owner is None and not self._wiring.claim(key, place, "steps of requests"):
            return None
        names = place.signal.named_values | self._names.get(owner or "", {})
        number = self._reader.number(f"{key}.to", to if to is not None else 0.0, names, place)
        if number is None:
            return None
        if owner is None:
            part = role_at(place.text, place, None, None, place.signal.first_value)
            self._found.parts.setdefault(place.text, part)
        said = to if isinstance(to, str) else f"{number:g} {place.signal.unit}".rstrip()
        return Step("signal", f"{place.text} = {said}", owner or place.text, number)

    def _sets(self, key: str, step: StepSection) -> Step | None:
        name, to = step.set or "", step.to
        port = self._wiring.port(f"{key}.set", name)
        if port is None or to is None:
            return None
        try:
            number = number_in(to, port.unit)
        except UnitError as error:
            self._mistakes.add(f"{key}.to", error.reason, error.remedy)
            return None
        if not port.minimum <= number <= port.maximum:
            reason = f"{number:g} is outside the range of {name}, {port.minimum:g} to {port.maximum:g}"
            self._mistakes.add(f"{key}.to", reason)
        return Step("set", f"{name} = {number:g} {port.unit}".rstrip(), name, number)

    def _until(self, key: str, step: StepSection) -> Step | None:
        name, wanted, span_ns = step.until or "", step.is_, step.within or 0
        role = self._roles.get(name)
        if role is None:
            if dotted("roles", name) not in self._mistakes.broken:
                hint = suggest(name, self._roles, "roles")
                self._mistakes.add(f"{key}.until", f"there is no role {name!r}", hint)
            return None
        if isinstance(wanted, str) and wanted not in (role.values or {}):
            hint = suggest(wanted, role.values or (), "named values")
            self._mistakes.add(f"{key}.is", f"{name!r} has no value {wanted!r}", hint)
            return None
        number = role.value_of(cast("str | float", wanted))
        text = f"until {name} is {role.name_of(number)}, within {say(span_ns, 'ns')}"
        return Step("until", text, name, number, span_ns)

    # -- what goes on meanwhile ---------------------------------------------------------------

    def _keep_alive(self, key: str, section: KeepAliveSection | None) -> KeepAlive | None:
        place = None if section is None else self._book.find(f"{key}.signal", section.signal)
        if section is None or place is None:
            return None
        if not self._wiring.rig_sends(key, place, "the keep-alive goes to"):
            return None
        for value in section.values:
            if not place.signal.in_range(value):
                low, high = place.signal.minimum, place.signal.maximum
                reason = f"{value:g} is outside {place.text}'s range {low:g} to {high:g}"
                self._mistakes.add(f"{key}.values", reason)
        every_ns, slot_ns = section.every or place.message.cycle_ns, place.message.slot_ns or 0
        if every_ns is None:
            reason = f"is missing: {place.message.name} is sent on a change, in no cycle"
            self._mistakes.add(f"{key}.every", reason, 'such as every = "100 ms"')
        elif every_ns < slot_ns:
            reason = f"{place.message.name} is sent every {say(slot_ns, 'ns')}, and no faster"
            self._mistakes.add(f"{key}.every", reason)
        if every_ns is None or not self._wiring.claim(key, place):
            return None
        return KeepAlive(*place.key, tuple(section.values), every_ns)


def _with_steps(values: dict[str, float], steps: Collection[str]) -> dict[str, float]:
    """Numbers for all names: those that are steps only get what is free."""
    found = dict(values)
    for name in steps:
        if name not in found and not _NUMBER.fullmatch(name):
            found[name] = max(found.values(), default=-1.0) + 1.0
    return found


def _plain(value: str) -> float:
    return float(value) if _NUMBER.fullmatch(value) else 0.0
