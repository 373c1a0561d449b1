"""DBC files, read by cantools, as the layouts that the rig works with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation
from functools import cached_property, lru_cache
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from cantools.database.can import Database as CanDatabase

from hil.bus.frame import CLASSIC, CLASSIC_BYTES, FAST, FD, Format
from hil.errors import HilError, RigFileError, RigFileErrors
from hil.frames import _codec
from hil.frames.attributes import attribute_of, number_of
from hil.frames.codec import Decoder, Encoder, layout_of
from hil.frames.dbc_signal import is_signed, not_available_of, range_of
from hil.frames.j1939 import packet_count
from hil.frames.profiles import OwnChecksum
from hil.frames.protection import protection_of
from hil.frames.sending import OnChange, send_type_of
from hil.frames.soundness import flaw_of, is_sound
from hil.frames.trouble_codes import Code, decoder

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal

    from hil.frames.e2e import E2E

NS_PER_MS = 1_000_000
EXTENDED = 0x80000000

_FLOAT_STEP = 2.0**-10
_FLOAT_ERROR = 2.0**-22  # of a float of 32 bits, twice over


@dataclass(frozen=True)
class Signal:
    """A signal of a message.

    Attributes:
        index: Its place in the tuples of :meth:`Message.encode` and :meth:`Message.decode`.
        start: First bit as the DBC counts: least significant (little-endian) or most (big-endian).
        minimum: Lowest physical value, in ``unit``; where the DBC gives none, the lowest it can
            hold.
        groups: The multiplexor's values under which it is there; none: always.
        not_available: Physical value of the raw number that means "no valid value", if there is
            one; of a floating-point signal NaN.
        e2e_role: ``None``, ``Counter``, ``Checksum``, or ``Checksum1``, ``Checksum2``, … for its parts.
        start_value: Physical value that is sent while nothing else is said.
        is_derived: Whether it has no bits of its own: it is made out of all that the message says.
        is_float: Whether its bits are a floating-point number (attribute line ``SIG_VALTYPE_``).
    """

    name: str
    index: int
    start: int
    length: int
    little_endian: bool
    signed: bool
    scale: float
    offset: float
    minimum: float
    maximum: float
    unit: str
    choices: dict[int, str] | None
    is_multiplexer: bool
    groups: tuple[int, ...]
    not_available: float | None
    e2e_role: str
    start_value: float
    comment: str
    is_derived: bool = False
    is_float: bool = False

    def in_range(self, value: float) -> bool:
        """Whether the physical value may be sent."""
        return self.minimum <= value <= self.maximum or self.is_absent(value)

    def is_absent(self, value: float) -> bool:
        """Whether the physical value means "not available"."""
        return value == self.not_available or (self.is_float and isnan(value))

    def is_in(self, group: int | None) -> bool:
        """Whether it is there under a value of the multiplexor."""
        return not self.groups or group in self.groups

    @property
    def step(self) -> float:
        """What two neighbouring values differ by.

        Floating-point numbers are finer than any sensor: of them it is 1/1024 of what they count in.
        """
        return abs(self.scale) * (_FLOAT_STEP if self.is_float else 1.0)

    def shows(self, seen: float, value: float) -> bool:
        """Whether a value of a frame is the one wanted, rounded as the bits hold it."""
        slack = 0.51 * abs(self.scale)
        if self.is_float:
            slack = _FLOAT_ERROR * (abs(value - self.offset) + abs(self.scale))
        return abs(seen - value) <= slack

    @property
    def first_value(self) -> float:
        """Physical value that is sent where nothing feeds it, within its range."""
        if self.is_multiplexer or self.e2e_role != "None":
            return self.minimum
        return min(max(self.start_value, self.minimum), self.maximum)

    @property
    def value_names(self) -> dict[float, str]:
        """The value table: names by physical values; several values may have one name."""
        return {raw * self.scale + self.offset: text for raw, text in (self.choices or {}).items()}

    @property
    def named_values(self) -> dict[str, float]:
        """The value table the other way round: of several values of one name the last."""
        return {text: value for value, text in self.value_names.items()}

    @property
    def raw_bounds(self) -> tuple[int, int]:
        """Lowest and highest raw number that the bits can hold."""
        if self.signed:
            return -(1 << self.length - 1), (1 << self.length - 1) - 1
        return 0, (1 << self.length) - 1


@dataclass(frozen=True)
class Message:
    """A message with its signals, compiled.

    Attributes:
        key: Identifier, with bit 31 set if it is extended.
        cycle_ns: Cycle time, or ``None`` if it is not always sent. Of one that is sent on a change: after how
            long it is sent again without one, or ``None``.
        active_cycle_ns: Cycle time while it is sent at all, as in a phase of a protocol: of a message whose
            attribute ``GenMsgSendType`` is ``IfActive``.
        offset_ns: Start delay, or ``None`` if the DBC gives none.
        mux_values: The multiplexor's values, empty if the message has none.
        format: Classic or CAN FD.
        on_change: How it is sent on a change of its content; ``None``: it is not.
        all_groups: Whether all its multiplexed groups come in each cycle, or one of them.
        by_kernel: Whether the kernel's broadcast manager is to send it.
        spacing_ns: Between the packets of one that goes by a transport protocol; ``None``: as usual.
        codes: Its trouble codes of J1939 that have a signal, the last ones after that of their count. It may
            be longer than ``length`` then; ``None``: it has none.
        flaw: Why it cannot be used, and the remedy; such a message is left out.
    """

    name: str
    id: int
    extended: bool
    length: int
    cycle_ns: int | None
    offset_ns: int | None
    senders: tuple[str, ...]
    comment: str
    signals: dict[str, Signal]
    e2e: E2E | None
    mux_values: tuple[int, ...] = ()
    file: str = ""
    active_cycle_ns: int | None = None
    format: Format = CLASSIC
    on_change: OnChange | None = None
    all_groups: bool = False
    by_kernel: bool = False
    spacing_ns: int | None = None
    codes: tuple[Code, ...] | None = None
    flaw: tuple[str, str] | None = None

    @property
    def key(self) -> int:
        """One number per message of a bus."""
        return self.id | EXTENDED if self.extended else self.id

    @property
    def in_parts(self) -> bool:
        """Whether it goes by a transport protocol: no frame of it is the message."""
        return self.length > CLASSIC_BYTES and not self.format

    @property
    def may_be_long(self) -> bool:
        """Whether it may go by the transport protocol of J1939."""
        return self.extended and not self.flaw and (self.in_parts or self.codes is not None)

    @property
    def is_sent(self) -> bool:
        """Whether its node sends it by itself, in each cycle or on a change."""
        return bool(self.cycle_ns) or self.on_change is not None

    @property
    def is_cyclic(self) -> bool:
        """Whether it is sent in each cycle and at no other time."""
        return bool(self.cycle_ns) and self.on_change is None

    @property
    def slot_ns(self) -> int | None:
        """Time between two instants at which it is looked at whether it goes out."""
        return self.cycle_ns if self.on_change is None else self.on_change.look_ns

    @property
    def turns(self) -> int:
        """Cycles until a multiplexed group comes again."""
        return 1 if self.all_groups else max(1, len(self.mux_values))

    @property
    def frames_per_cycle(self) -> int:
        """How many frames go out in each cycle; of a long message its announcement, too."""
        frames = max(1, len(self.mux_values)) // self.turns
        return frames * (1 + packet_count(self.length)) if self.in_parts else frames

    def turns_of(self, signal: Signal) -> int:
        """Cycles until a signal comes again."""
        return self.turns if signal.groups else 1

    @cached_property
    def layout(self) -> _codec.Layout:
        """The codec."""
        return layout_of(self)

    @cached_property
    def encode(self) -> Encoder:
        """Physical values in signal order to a ``bytearray``.

        Of a multiplexed message only the signals of the multiplexor's value are packed.
        ``FrameError`` if a value is out of its signal's range.
        """
        return self.layout.encode

    @cached_property
    def decode(self) -> Decoder:
        """Data to physical values in signal order; ``None``: of another multiplexor value.

        ``FrameError`` if the frame has another length or its multiplexor value is unknown.
        """
        if self.codes is not None:
            return decoder(self.name, self.length, self.layout.decode, self.codes)
        return self.layout.decode

    def decode_dict(self, data: bytes) -> dict[str, float]:
        """The signals that a frame carries, by name."""
        values = zip(self.signals, self.decode(data), strict=True)
        return {name: value for name, value in values if value is not None}


@dataclass(frozen=True)
class Database:
    """All messages of one bus.

    Attributes:
        messages: By name.
        by_key: By identifier, bit 31 set for extended ones.
        sha256: Hash of each DBC file, by file name.
    """

    messages: dict[str, Message]
    sha256: dict[str, str]
    by_key: dict[int, Message] = field(default_factory=dict)


def load_database(
    paths: Sequence[Path], checksums: Mapping[str, OwnChecksum] | None = None, *, j1939: bool = False
) -> Database:
    """Read the DBC files of one bus; each file is parsed once per process.

    Args:
        paths: The files.
        checksums: Functions by the name that attribute ``E2EProfile`` calls them.
        j1939: Whether long messages go by the transport protocol of J1939, even if the file does not say so.

    Raises:
        RigFileErrors: All mistakes found, each with file, message or signal, reason and remedy.
    """
    messages: dict[str, Message] = {}
    by_key: dict[int, Message] = {}
    hashes: dict[str, str] = {}
    errors: list[HilError] = []
    for path in paths:
        try:
            text = path.read_bytes()
            found = _parse(str(path), text, tuple((checksums or {}).items()), j1939)
        except RigFileError as error:
            errors.append(error)
            continue
        except RigFileErrors as several:
            errors += several.errors
            continue
        except OSError as error:
            errors.append(RigFileError(f"cannot be read: {error.strerror}", place=str(path)))
            continue
        hashes[path.name] = hashlib.sha256(text).hexdigest()
        for message in found:
            other = by_key.get(message.key) or messages.get(message.name)
            if other is not None:
                errors.append(_twice(path, message, other))
            messages[message.name] = by_key[message.key] = message
    if errors:
        raise RigFileErrors(errors)
    return Database(messages, hashes, by_key)


def _twice(path: Path, message: Message, other: Message) -> RigFileError:
    return RigFileError(
        f"name or identifier 0x{message.id:X} is also that of {other.name} in {other.file}",
        place=str(path),
        key=message.name,
        remedy="give one of them another name and identifier, or leave one file out",
    )


_REASON_LENGTH = 300  # of what the parser says, which quotes the line


@lru_cache(maxsize=64)
def _parse(
    place: str, text: bytes, checksums: tuple[tuple[str, OwnChecksum], ...], j1939: bool
) -> tuple[Message, ...]:
    if 0 in text:
        remedy = "export it as DBC, in UTF-8 or Windows-1252"
        raise RigFileError("is no DBC file: it is no text", place=place, remedy=remedy)
    try:
        database = CanDatabase(strict=True)
        database.add_dbc_string(_decoded(text))
    except Exception as error:  # cantools raises its own, its parser's, and plain ValueErrors
        reason = " ".join(str(error).split()).removeprefix("DBC: ").strip('"')[:_REASON_LENGTH]
        if isinstance(error, InvalidOperation):  # it names no line
            reason = "an attribute (BA_) has a text where the number of its ENUM value belongs, from 0"
        raise RigFileError(
            f"the DBC file does not parse: {reason}",
            place=place,
            remedy="correct the line named; signals must neither overlap nor leave their frame",
        ) from error
    errors: list[RigFileError] = []
    messages = []
    for source in database.messages:
        try:
            messages.append(_message(place, source, dict(checksums), j1939=j1939))
        except RigFileError as error:
            key = error.key if error.key == source.name else f"{source.name}.{error.key}"
            errors.append(RigFileError(error.reason, place=place, key=key, remedy=error.remedy))
    if errors:
        raise RigFileErrors(errors)
    return tuple(messages)


def _decoded(text: bytes) -> str:
    """DBC files are in code page 1252, but newer tools write UTF-8: "°C" tells which."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("cp1252", errors="replace")


def _message(place: str, source: DbcMessage, checksums: Mapping[str, OwnChecksum], *, j1939: bool) -> Message:
    flaw = flaw_of(source, j1939=j1939)
    sound = filter(is_sound, source.signals)
    signals = {s.name: _signal(index, s) for index, s in enumerate(sound)}
    values = sorted({group for s in signals.values() for group in s.groups})
    cycle_ns = _ms(number_of(source, "GenMsgCycleTime", source.cycle_time or 0))
    sent = send_type_of(source.send_type or "")
    always = sent in ("cyclic", "on-change-and-cyclic") and not flaw
    changing = sent.startswith("on-change") and not flaw
    min_interval_ns = _ms(number_of(source, "GenMsgDelayTime", 0, inherited=True)) or 0
    return Message(
        name=source.name,
        id=source.frame_id,
        extended=source.is_extended_frame,
        length=source.length,
        cycle_ns=cycle_ns if always else None,
        offset_ns=_ms(number_of(source, "GenMsgStartDelayTime", 0, inherited=True)),
        senders=tuple(source.senders),
        comment=source.comment or "",
        signals=signals,
        e2e=None if flaw else protection_of(source, signals.values(), checksums),
        mux_values=tuple(values),
        file=place,
        active_cycle_ns=None if always or changing or flaw else cycle_ns,
        format=_format(source),
        on_change=OnChange(min_interval_ns) if changing else None,
        flaw=flaw,
    )


def _format(source: DbcMessage) -> Format:
    """Of attribute ``VFrameFormat``, and of ``CANFD_BRS``, without which a CAN FD frame is fast."""
    if not source.is_fd:
        return CLASSIC
    fast = str(attribute_of(source, "CANFD_BRS", "1", inherited=True)) in ("1", "True")
    return FD | FAST if fast else FD


def _ms(value: float | None) -> int | None:
    """Milliseconds in nanoseconds; 0 means that there is none."""
    return round(value * NS_PER_MS) if value else None


def _signal(index: int, source: DbcSignal) -> Signal:
    scale, offset = float(source.scale), float(source.offset)
    minimum, maximum = range_of(source)
    raw = source.raw_initial  # attribute GenSigStartValue
    return Signal(
        name=source.name,
        index=index,
        start=source.start,
        length=source.length,
        little_endian=source.byte_order == "little_endian",
        signed=is_signed(source),
        scale=scale,
        offset=offset,
        minimum=minimum,
        maximum=maximum,
        unit=" ".join((source.unit or "").split()),
        choices={int(k): str(v) for k, v in source.choices.items()} if source.choices else None,
        is_multiplexer=source.is_multiplexer,
        groups=tuple(sorted(set(source.multiplexer_ids or ()))),
        not_available=not_available_of(source),
        e2e_role=str(attribute_of(source, "E2ERole", "None")),
        start_value=0.0 if raw is None else float(raw) * scale + offset,
        comment=source.comment or "",
        is_float=source.conversion.is_float,
    )
