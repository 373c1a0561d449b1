"""What roles and signals of choice say now, out of the frames that somebody hears: for who looks on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from hil.bus.frame import Frame
from hil.checks.check import say
from hil.errors import FrameError, UsageError
from hil.frames.database import Message, Signal
from hil.responses.parcels import Parcels
from hil.responses.signals import Values
from hil.rig.absence import ABSENT
from hil.rig.known import array_of
from hil.rig.mistakes import suggest
from hil.rig.roles import Role
from hil.rig.schema import RigConfig

_KEPT = 256  # frames of one message between two looks: what comes in turns is not missed

Read = Callable[[Values], float | None]


@dataclass
class _Item:
    """A role or signal: how a frame is read, and what it said last."""

    name: str
    read: Read
    say: Callable[[float], str]
    array: str = ""
    unit: str = ""
    absent_ns: int | None = None
    value: float | None = None
    t_ns: int | None = None

    def settle(self, since_ns: int, now_ns: int) -> None:
        """What has been silent for so long that it counts as absent is that.

        Args:
            since_ns: Since when somebody has listened.
            now_ns: The present.
        """
        last_ns = since_ns if self.t_ns is None else self.t_ns
        if self.absent_ns is not None and now_ns - last_ns >= self.absent_ns:
            self.value = ABSENT


@dataclass
class _Heard:
    """A message: what is watched in it, and its frames since the last look."""

    message: Message
    items: list[_Item] = field(default_factory=list)
    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def look(self) -> None:
        """Read the frames that came."""
        for frame in self.frames:
            try:
                values = self.message.decode(frame.data)
            except FrameError:
                continue
            for item in self.items:
                value = item.read(values)
                if value is not None:
                    item.value, item.t_ns = value, frame.t_ns
        self.frames.clear()


@dataclass(frozen=True)
class Row:
    """One line for who looks on.

    Attributes:
        text: What it says, in words; empty if nothing yet.
        t_ns: Stamp of the frame that said it; of an array, of the oldest.
    """

    name: str
    text: str
    t_ns: int | None


class Live:
    """Reads what is chosen out of frames, as roles are read.

    Args:
        config: The rig file.
        roles: Patterns, such as ``fault.*``. An array is one row, unless a pattern has brackets.
        signals: Patterns of signals of any sender, such as ``VCU_*.Mode`` or ``pack/*``.

    Raises:
        UsageError: If a pattern fits nothing.
    """

    def __init__(self, config: RigConfig, roles: Sequence[str] = (), signals: Sequence[str] = ()) -> None:
        self._config = config
        self._heard: dict[tuple[str, int], _Heard] = {}
        self._items: list[_Item] = []
        self._since_ns: int | None = None
        self._parcels = {name: Parcels(layout.database) for name, layout in config.buses.items()}
        known = dict(_signals(config))
        for name in _chosen(roles, {name: (name,) for name in config.roles}, "roles"):
            self._add(self._of_role(config.roles[name], roles))
        for name in _chosen(signals, {name: (name, name.partition("/")[2]) for name in known}, "signals"):
            bus, message, signal = known[name]
            self._watch(bus, message, _of_signal(name, signal))

    def hear(self, bus: str, frame: Frame) -> None:
        """Take a frame of a bus, whoever sent it."""
        self._keep(bus, frame)
        parcels = self._parcels.get(bus)
        whole = parcels.hear(frame) if parcels else None
        if whole is not None:
            self._keep(bus, whole)

    def _keep(self, bus: str, frame: Frame) -> None:
        heard = self._heard.get((bus, frame.key))
        if heard is not None and not (frame.error or frame.remote):
            heard.frames.append(frame)

    def rows(self, now_ns: int) -> list[Row]:
        """What is said at an instant, in the order of the rig file."""
        for heard in self._heard.values():
            heard.look()
        if self._since_ns is None:
            self._since_ns = now_ns
        for item in self._items:
            item.settle(self._since_ns, now_ns)
        arrays: dict[str, list[_Item]] = {}
        for item in self._items:
            arrays.setdefault(item.array or item.name, []).append(item)
        return [_row(name, items) for name, items in arrays.items()]

    def _add(self, found: tuple[str, Message, _Item]) -> None:
        self._watch(*found)

    def _watch(self, bus: str, message: Message, item: _Item) -> None:
        self._items.append(item)
        self._heard.setdefault((bus, message.key), _Heard(message)).items.append(item)

    def _of_role(self, role: Role, patterns: Sequence[str]) -> tuple[str, Message, _Item]:
        message = self._config.buses[role.bus].database.messages[role.message]
        is_flag = not role.values and message.signals[role.signal].length == 1
        words = (lambda value: say(bool(value))) if is_flag else role.name_of
        whole = role.index is not None and not any("[" in p and _fits(role.name, p) for p in patterns)
        unit = "set" if is_flag else role.unit
        array = array_of(role.name) if whole else ""
        return role.bus, message, _Item(role.name, role.reading.of, words, array, unit, role.absent_ns)


def _signals(config: RigConfig) -> Iterator[tuple[str, tuple[str, Message, Signal]]]:
    for bus in config.buses.values():
        for message in bus.database.messages.values():
            for signal in message.signals.values():
                yield f"{bus.name}/{message.name}.{signal.name}", (bus.name, message, signal)


def _of_signal(name: str, signal: Signal) -> _Item:
    index = signal.index
    named = signal.value_names

    def words(value: float) -> str:
        if signal.is_absent(value):
            return "not available"
        return named.get(value) or f"{value:.6g} {signal.unit}".rstrip()

    return _Item(name, lambda values: values[index], words)


def _chosen(patterns: Sequence[str], known: Mapping[str, Iterable[str]], what: str) -> list[str]:
    for pattern in patterns:
        if not any(_fits(name, pattern) for names in known.values() for name in names):
            remedy = suggest(pattern, known, what)
            raise UsageError(f"{pattern!r} fits none", key=f"--{what}", remedy=remedy)
    return [
        name
        for name, names in known.items()
        if any(_fits(each, pattern) for each in names for pattern in patterns)
    ]


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern fits; brackets are those of an array, not a set of letters."""
    return fnmatchcase(name, pattern.replace("[", "[[]")) or fnmatchcase(array_of(name), pattern)


def _row(name: str, items: Sequence[_Item]) -> Row:
    if not items[0].array:
        item = items[0]
        return Row(item.name, "" if item.value is None else item.say(item.value), item.t_ns)
    label = f"{name}[1…{len(items)}]"
    there = [(item.value, item.t_ns) for item in items if item.value is not None and item.t_ns is not None]
    if not there:
        return Row(label, "", None)
    values = [value for value, _ in there]
    oldest = min(t_ns for _, t_ns in there)
    if items[0].unit == "set":
        return Row(label, f"{sum(map(bool, values))} of {len(items)} set", oldest)
    low, high = min(values), max(values)
    return Row(label, f"{low:.5g} … {high:.5g} {items[0].unit}".rstrip(), oldest)
