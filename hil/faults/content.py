"""Contents that no node should send, rightly protected: out of a signal's range, reserved bits set."""

from __future__ import annotations

from dataclasses import dataclass

from hil.errors import NotOfferedError, UsageError
from hil.faults.arguments import Measure, measure_in
from hil.faults.fault import Bench
from hil.frames.bits import carries, put_raw, raw_beyond, raw_in, unused_bits
from hil.frames.database import Message, Signal
from hil.host.stimulus import Carrier

SIDES = ("above", "below")


def settable(fault: str, message: Message, name: str) -> Signal:
    """A signal that a fault may set: not one that the rig fills in itself.

    Raises:
        UsageError: If there is no such signal.
    """
    signal = message.signals.get(name)
    if signal is None or signal.e2e_role != "None" or signal.is_multiplexer:
        known = [s.name for s in message.signals.values() if s.e2e_role == "None" and not s.is_multiplexer]
        reason = f"fault {fault!r}: {message.name} has no signal {name!r} to set"
        raise UsageError(reason, remedy=f"one of {', '.join(known)}")
    return signal


def settable_to(
    fault: str, message: Message, name: str, said: Measure, *, absent: bool = False
) -> tuple[Signal, float]:
    """A signal that a fault may set, and the value in its unit, which may be NaN if it is to be ``absent``.

    Raises:
        UsageError: If there is no such signal, it cannot hold the value, or that has another unit.
    """
    signal = settable(fault, message, name)
    value = measure_in(fault, said, signal.unit)
    if not (absent or signal.in_range(value)):
        raise UsageError(f"fault {fault!r}: {message.name}.{name} cannot hold {value:g}")
    return signal, value


@dataclass(frozen=True, eq=False)
class OutOfRange:
    """A signal carries a raw number next to its range, or ``by`` beyond it, which its DBC does not allow."""

    message: str
    signal: str
    side: str = "above"
    by: int = 1
    name: str = "frame.out_of_range"
    value: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise UsageError(
                f"fault {self.name!r}: there is no side {self.side!r}", remedy=f"sides: {', '.join(SIDES)}"
            )
        if self.by < 1:
            raise UsageError(f"fault {self.name!r}: by {self.by} is not above 0")

    @property
    def target(self) -> str:
        """The signal."""
        return f"{self.message}.{self.signal}: raw"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message}.{self.signal} {self._where}"

    @property
    def _where(self) -> str:
        return f"{self.side} its range{f', by {self.by}' if self.by > 1 else ''}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Put the raw number into the signal.

        Raises:
            UsageError: If there is no such signal, or the rig fills it in itself.
            NotOfferedError: If its bits can hold nothing outside of its range.
        """
        entry = bench.entry(self.message)
        signal = settable(self.name, entry.message, self.signal)
        raw = raw_beyond(signal, self.by, above=self.side == "above")
        if raw is None:
            raise NotOfferedError(f"{self.message}.{self.signal} can hold nothing {self._where}")
        field = raw & (1 << signal.length) - 1

        def alter(data: bytearray) -> None:
            if carries(entry.message, signal, data):
                put_raw(entry.message, signal, data, raw)

        entry.alterations[self.target] = alter
        return bench.carrier_of_message(
            self.message,
            lambda message, frame: (
                len(frame.data) == message.length
                and carries(message, signal, frame.data)
                and raw_in(message, signal, frame.data) == field
            ),
        )

    def clear(self, bench: Bench) -> None:
        """Let the signal say again what it is wired to."""
        bench.entry(self.message).alterations.pop(self.target, None)


@dataclass(frozen=True, eq=False)
class ReservedBits:
    """The bits that no signal uses are 1."""

    message: str
    name: str = "frame.reserved"
    value: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """The bits."""
        return f"{self.message}: reserved bits"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message} with its reserved bits set"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Set the bits.

        Raises:
            NotOfferedError: If all bits belong to signals.
        """
        entry = bench.entry(self.message)
        unused = unused_bits(entry.message)
        if not any(unused):
            raise NotOfferedError(f"{self.message} has no reserved bits")

        def alter(data: bytearray) -> None:
            data[:] = bytes(byte | extra for byte, extra in zip(data, unused, strict=True))

        entry.alterations[self.target] = alter
        return bench.carrier_of_message(
            self.message,
            lambda _, frame: all(
                byte & extra == extra for byte, extra in zip(frame.data, unused, strict=False)
            ),
        )

    def clear(self, bench: Bench) -> None:
        """Send zeros there again."""
        bench.entry(self.message).alterations.pop(self.target, None)
