"""Frame faults: a message that is missing, carries a wrong checksum, or a counter that lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from hil.bus.frame import Frame
from hil.errors import NotOfferedError, UsageError
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
        if self.kind == "crc" and scheme.profile == "COUNTER":
            raise NotOfferedError(f"message {self.message} has a counter but no checksum")
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
