"""Frame faults: a message that is missing or lost now and then, of a wrong length, checksum or value."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from hil.bus.frame import CLASSIC_BYTES, FD_LENGTHS, Frame
from hil.errors import NotOfferedError, UsageError
from hil.faults.arguments import Measure, check_part, in_words
from hil.faults.content import settable_to
from hil.faults.fault import Bench
from hil.frames.database import Message
from hil.frames.e2e import CounterFault
from hil.host.stimulus import Carrier

_KINDS: dict[str, CounterFault] = {kind: kind for kind in get_args(CounterFault)}


@dataclass(frozen=True, eq=False)
class MissingFrame:
    """The message is not sent any more."""

    message: str
    name: str = "frame.missing"
    value: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """Whether the message is sent."""
        return f"{self.message}: sent"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message} no longer sent"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Stop the message; no frame shows that, so time counts from the last one that came."""
        bench.entry(self.message).hold = "drop"
        return ()

    def silences(self, bench: Bench) -> tuple[str, ...]:  # noqa: ARG002
        """The message that is no longer there."""
        return (self.message,)

    def clear(self, bench: Bench) -> None:
        """Send the message again."""
        bench.entry(self.message).hold = "normal"


@dataclass(frozen=True, eq=False)
class LostFrames:
    """A share of a message's frames is lost, by a chance that the same seed repeats."""

    message: str
    share: float
    seed: int = 1
    name: str = "frame.lost"
    unit: str = ""

    def __post_init__(self) -> None:
        check_part(self.name, self.share)

    @property
    def value(self) -> float | None:
        """The share."""
        return self.share

    @property
    def target(self) -> str:
        """Which of its frames are lost."""
        return f"{self.message}: lost"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message}: {self.share:.0%} of its frames lost"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Begin to lose frames; no frame shows that."""
        chance = random.Random(self.seed)
        bench.entry(self.message).lost = lambda: chance.random() < self.share
        return ()

    def clear(self, bench: Bench) -> None:
        """Lose no frame any more."""
        bench.entry(self.message).lost = None


@dataclass(frozen=True, eq=False)
class WrongLength:
    """The message has more or fewer bytes than its DBC says; what is left of it is as it was."""

    message: str
    length: int
    name: str = "frame.length"
    unit: str = ""

    def __post_init__(self) -> None:
        if self.length not in FD_LENGTHS:
            raise UsageError(f"fault {self.name!r}: {self.length} bytes are no length of a CAN frame")

    @property
    def value(self) -> float | None:
        """The length in bytes."""
        return float(self.length)

    @property
    def target(self) -> str:
        """Its bytes."""
        return f"{self.message}: length"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message} with {self.length} bytes"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Cut the message, or fill it up with zeros.

        Raises:
            UsageError: If that is the length it has, or is one of CAN FD and the message is none.
        """
        entry = bench.entry(self.message)
        if self.length > CLASSIC_BYTES and not (entry.message.format or entry.message.in_parts):
            reason = f"fault {self.name!r}: {self.message} is no CAN FD frame, it has up to 8 bytes"
            raise UsageError(reason)
        if self.length == entry.message.length:
            raise UsageError(f"fault {self.name!r}: {self.message} has {self.length} bytes anyway")
        entry.mutate = lambda data: (data + bytes(self.length))[: self.length]
        return bench.carrier_of_message(self.message, lambda _, frame: len(frame.data) == self.length)

    def clear(self, bench: Bench) -> None:
        """Send all its bytes again."""
        bench.entry(self.message).mutate = None


@dataclass(frozen=True, eq=False)
class WrongValue:
    """A signal carries a wrong value under a right checksum; NaN is "not available"."""

    message: str
    signal: str
    said: Measure  # NaN: not available
    unit: str = ""
    _found: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def name(self) -> str:
        """As the test calls it."""
        return "frame.not_available" if self._absent else "frame.value"

    @property
    def value(self) -> float | None:
        """The value in the signal's unit, once it is there."""
        return self._found[0] if self._found and not self._absent else None

    @property
    def _absent(self) -> bool:
        return not isinstance(self.said, str) and math.isnan(self.said)

    @property
    def target(self) -> str:
        """The signal."""
        return f"{self.message}.{self.signal}"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.target} {'not available' if self._absent else f'= {in_words(self.said)}'}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Put the value into the signal.

        Raises:
            UsageError: If there is no such signal, the rig fills it in itself, or it cannot hold the value;
                or the value has the unit of something else.
            NotOfferedError: If it has no raw number for "not available".
        """
        entry = bench.entry(self.message)
        _, value = settable_to(self.name, entry.message, self.signal, self.said, absent=self._absent)
        carriers = bench.carrier_of_signal(self.message, self.signal, value)
        entry.force(self.signal, value)
        self._found[:] = [value]
        return carriers

    def clear(self, bench: Bench) -> None:
        """Let the signal say again what it is wired to."""
        bench.entry(self.message).release(self.signal)


@dataclass(frozen=True, eq=False)
class WrongProtection:
    """The message's checksum or alive counter is wrong."""

    message: str
    kind: str
    value: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            modes = ", ".join(kind for kind in _KINDS if kind != "crc")
            raise UsageError(f"fault {self.name!r}: there is no mode {self.kind!r}", remedy=f"modes: {modes}")

    @property
    def name(self) -> str:
        """As the test calls it."""
        return "frame.crc" if self.kind == "crc" else "frame.counter"

    @property
    def target(self) -> str:
        """Checksum and counter are broken together."""
        return f"{self.message}: protection"

    @property
    def text(self) -> str:
        """The fault in words."""
        what = "wrong checksum" if self.kind == "crc" else f"alive counter: {self.kind}"
        return f"{self.message} with {what}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Break the protection.

        Raises:
            NotOfferedError: If the message has no such protection: this BMS is not to notice then.
        """
        entry = bench.entry(self.message)
        scheme = entry.message.e2e
        if entry.protector is None or scheme is None:
            raise NotOfferedError(f"message {self.message} has neither counter nor checksum")
        if self.kind == "crc" and not scheme.has_checksum:
            raise NotOfferedError(f"message {self.message} has a counter but no checksum")
        if self.kind != "crc" and not scheme.counter_mask:
            raise NotOfferedError(f"message {self.message} has a checksum but no counter")
        entry.protector.fault = _KINDS[self.kind]
        shows = _first_wrong(entry.message, bench.last_frame(self.message))
        return bench.carrier_of_message(self.message, shows)

    def clear(self, bench: Bench) -> None:
        """Protect the message rightly again."""
        protector = bench.entry(self.message).protector
        if protector is not None:
            protector.fault = None


def _first_wrong(message: Message, last: Frame | None) -> Callable[[Message, Frame], bool]:
    """A frame is wrong if a checker that saw the last good frame and all since says so."""
    checker = message.e2e.checker() if message.e2e else None
    if checker is not None and last is not None:
        checker.check(last.data)

    def shows(_message: Message, frame: Frame) -> bool:
        return checker is not None and checker.check(frame.data) != "ok"

    return shows
