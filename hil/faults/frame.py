"""Frame faults: a message that is missing, carries a wrong checksum, or a counter that lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hil.bus.frame import Frame
from hil.errors import UsageError
from hil.faults.fault import Bench
from hil.frames.database import Message
from hil.host.stimulus import Carrier

Counter = Literal["frozen", "skip", "repeat"]


@dataclass(frozen=True)
class MissingFrame:
    """The message is not sent any more."""

    message: str
    name: str = "frame.missing"
    value: float | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message} no longer sent"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Stop the message; there is no frame that shows it, so time counts from here."""
        bench.entry(self.message).hold = "drop"
        return ()

    def clear(self, bench: Bench) -> None:
        """Send the message again."""
        bench.entry(self.message).hold = "normal"


@dataclass(frozen=True)
class WrongProtection:
    """The message's checksum or alive counter is wrong."""

    message: str
    kind: Literal["crc", "frozen", "skip", "repeat"]
    name: str = "frame.protection"
    value: float | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The fault in words."""
        what = "wrong checksum" if self.kind == "crc" else f"alive counter: {self.kind}"
        return f"{self.message} with {what}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Break the protection.

        Raises:
            UsageError: If the message has no end-to-end protection.
        """
        entry = bench.entry(self.message)
        if entry.protector is None:
            raise UsageError(f"message {self.message} has no counter or checksum to break")
        entry.protector.fault = self.kind
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
