"""The bus trace: every frame that was on a wire, in files that other tools open.

Three kinds: ``blf`` and ``asc`` by python-can's writers (CANoe, SavvyCAN, tshark), ``log`` as
``candump -L`` writes it (can-utils, tshark, cantools). Time stamps are virtual time from 0 and no
file holds a date, so two equal runs give equal bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from struct import Struct
from typing import IO, BinaryIO, TextIO

import can
from can.io import blf
from can.util import len2dlc

from hil.bus.frame import ErrorFrame, FdFrame, Frame, error_class
from hil.bus.node import FrameHandler
from hil.clock import NS_PER_S, NS_PER_US
from hil.errors import OutputError, UsageError

OWN_NODE = "rig"  # its frames are marked as transmitted, all others as received


class TraceWriter(ABC):
    """Where frames go.

    Args:
        path: The file.
        file: The same, open.
        bus_names: The buses by channel.
    """

    def __init__(self, path: Path, file: IO[str] | IO[bytes], bus_names: Sequence[str]) -> None:
        self.path = path
        self.bus_names = tuple(bus_names)
        self._file = file
        self._open = True

    @abstractmethod
    def write(self, frame: Frame, channel: int) -> None:
        """Add a frame that ended on bus ``channel``, counted from 0; in order of time.

        Raises:
            OutputError: If the file cannot be written, or the disk is full.
        """

    def tap(self, channel: int) -> FrameHandler:
        """What adds each frame of a bus, for the taps of its medium; :meth:`settle` follows."""
        write = self.write
        return lambda frame: write(frame, channel)

    def settle(self) -> None:  # noqa: B027 - most writers let nothing wait
        """Take the frames that came through :meth:`tap`; at least a few times a second.

        Raises:
            OutputError: As for :meth:`write`.
        """

    def close(self) -> None:
        """Write the rest and close the file; further calls do nothing.

        Raises:
            OutputError: If the rest cannot be written.
        """
        if self._open:
            self._open = False
            try:
                self._finish()
                self._file.close()
            except OSError as error:
                raise self._give_up(error) from error

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still to be written."""

    def _give_up(self, error: OSError) -> OutputError:
        """Close the file, whatever its buffer still holds; returns the error to raise."""
        self._open = False
        with suppress(OSError):
            self._file.close()
        return _trouble(self.path, error)


def _trouble(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the trace cannot be written: {error.strerror or error}",
        place=str(path),
        remedy="free some space or choose another folder",
    )


class LogTrace(TraceWriter):
    """``candump -L`` lines, with the error class and data of error frames as SocketCAN has them.

    There is no R/T suffix for the direction: tshark does not read lines that have one.
    """

    _BATCH = 2048  # lines between two writes

    def __init__(self, path: Path, bus_names: Sequence[str]) -> None:
        file = path.open("w", encoding="utf-8", newline="\n")
        super().__init__(path, file, bus_names)
        self._text: TextIO = file
        self._lines: list[str] = []
        self._heads: dict[tuple[int, bool, int], str] = {}

    def write(self, frame: Frame, channel: int) -> None:
        """Add a frame."""
        head = self._heads.get((frame.id, frame.extended, channel))
        if head is None or frame.error or frame.remote or frame.__class__ is FdFrame:
            text = self._unusual(frame, channel)
        else:
            text = head + frame.data.hex().upper()
        us = frame.t_ns // NS_PER_US
        lines = self._lines
        lines.append(f"({us // 1_000_000:010}.{us % 1_000_000:06}) {text}\n")
        if len(lines) >= self._BATCH:
            self._flush()

    def _unusual(self, frame: Frame, channel: int) -> str:
        """A frame that is no data frame, or the first of its identifier."""
        name = self.bus_names[channel]
        if frame.error:  # of a real bus it is in SocketCAN's words already
            words = error_class(frame) if isinstance(frame, ErrorFrame) else (frame.id, frame.data)
            identifier, data = words
            return f"{name} {identifier | _ERROR_FLAG:08X}#{data.hex().upper()}"
        head = f"{name} {frame.id:08X}#" if frame.extended else f"{name} {frame.id:03X}#"
        if frame.remote:
            return f"{head}R{len(frame.data) or ''}"
        if isinstance(frame, FdFrame):
            return f"{head}#{_FD_BRS if frame.fast else 0:X}{frame.data.hex().upper()}"
        self._heads[frame.id, frame.extended, channel] = head
        return head + frame.data.hex().upper()

    def _flush(self) -> None:
        try:
            self._text.write("".join(self._lines))
        except OSError as error:
            raise self._give_up(error) from error
        finally:
            self._lines.clear()

    def _finish(self) -> None:
        self._text.write("".join(self._lines))


_ERROR_FLAG = 0x20000000  # CAN_ERR_FLAG of linux/can.h
_FD_BRS = 0x1  # CANFD_BRS, likewise


class BlfTrace(TraceWriter):
    """Vector's binary log, in nanoseconds of virtual time.

    python-can makes the file and its compressed containers; the records are packed here, since its
    own way costs four times as much and rounds time through a float. They are made in bursts: alone,
    between other work, each costs twice as much.
    """

    _BURST = 64  # frames of a bus, a tenth of a second if it is well filled

    def __init__(self, path: Path, bus_names: Sequence[str]) -> None:
        file = path.open("wb")
        super().__init__(path, file, bus_names)
        self._writer = _BlfFile(file)
        self._waiting: list[list[Frame]] = [[] for _ in bus_names]

    def write(self, frame: Frame, channel: int) -> None:
        """Add a frame."""
        waiting = self._waiting[channel]
        waiting.append(frame)
        if len(waiting) >= self._BURST:
            self.settle()

    def tap(self, channel: int) -> FrameHandler:
        """What only keeps each frame of a bus until :meth:`settle`."""
        return self._waiting[channel].append

    def settle(self) -> None:
        """Make and add the records of all frames that wait."""
        try:
            self._pack()
        except OSError as error:
            raise self._give_up(error) from error

    def _pack(self) -> None:
        rows = [(frame, channel) for channel, frames in enumerate(self._waiting) for frame in frames]
        if len(self._waiting) > 1:
            rows.sort(key=lambda row: row[0].t_ns)
        records = [
            _unusual_record(f, channel)
            if f.error or f.remote or f.__class__ is FdFrame
            else _pack_message(_HEAD, f.t_ns, channel + 1, f.sender == OWN_NODE, len(f.data), _id(f), f.data)
            for f, channel in rows
        ]
        for frames in self._waiting:
            frames.clear()
        self._writer.add(records)

    def _finish(self) -> None:
        self._pack()
        self._writer.stop()


_CONTAINER = 32 * 1024  # bytes, about a second of a well-filled bus: what a crash of the process may cost


class _BlfFile(can.BLFWriter):
    """python-can's writer, to which finished records are given."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, compression_level=1)  # level 6: 10 % smaller, three times the time
        self.max_container_size = _CONTAINER
        self.start_timestamp = 0.0  # python-can would count from the first frame

    def add(self, records: Sequence[bytes]) -> None:
        """Add objects; each full container is compressed and written."""
        self.object_count += len(records)
        for record in records:
            self._buffer.append(record)
            self._buffer_size += len(record)
            if self._buffer_size >= self.max_container_size:
                self._flush()
                self.file.flush()


_EXTENDED: int = blf.CAN_MSG_EXT
_pack_head = Struct("<4sHHLL LHHQ").pack  # object header, its version 1 with the time stamp
# the same header of any message, then time stamp, channel, flags, length, identifier, data
_HEAD = Struct("<4sHHLL LHH").pack(b"LOBJ", 32, 1, 48, blf.CAN_MESSAGE, blf.TIME_ONE_NANS, 0, 0)
_pack_message = Struct("<24s Q HBBL8s").pack
_LAST_BIT = 255  # of CAN_ERROR_EXT's position: a longer frame's later bits are told as this one
_ECC_VALID = 1  # CAN_ERROR_EXT: the SJA1000 error code capture is filled in


def _id(frame: Frame) -> int:
    return frame.id | _EXTENDED if frame.extended else frame.id


def _unusual_record(frame: Frame, channel: int) -> bytes:
    identifier = _id(frame)
    flags = blf.DIR if frame.sender == OWN_NODE else 0
    if isinstance(frame, FdFrame):
        return _fd_record(frame, channel, flags)
    if not frame.error:
        flags |= blf.REMOTE_FLAG
        return _pack_message(_HEAD, frame.t_ns, channel + 1, flags, len(frame.data), identifier, b"")
    if isinstance(frame, ErrorFrame):
        ecc = frame.field | (0xC0 if frame.cause == "ack" else 0)  # 00 bit error, 11 another
        bit = min(frame.bit, _LAST_BIT)
    else:  # of a real bus: identifier and data are SocketCAN's error class, which has the field
        ecc, bit = (frame.data[3] if len(frame.data) > 3 else 0), 0
    size = blf.CAN_ERROR_EXT_STRUCT.size
    head = _pack_head(
        b"LOBJ", 32, 1, 32 + size, blf.CAN_ERROR_EXT, blf.TIME_ONE_NANS, 0, 0, frame.t_ns
    )
    return head + blf.CAN_ERROR_EXT_STRUCT.pack(
        channel + 1, 0, _ECC_VALID, ecc, bit, len2dlc(len(frame.data)), 0, identifier, 0, frame.data[:8]
    )


def _fd_record(frame: FdFrame, channel: int, flags: int) -> bytes:
    size = blf.CAN_FD_MSG_STRUCT.size
    head = _pack_head(
        b"LOBJ", 32, 1, 32 + size, blf.CAN_FD_MESSAGE, blf.TIME_ONE_NANS, 0, 0, frame.t_ns
    )
    fd_flags = blf.EDL | (blf.BRS if frame.fast else 0)
    length, identifier = len(frame.data), _id(frame)
    return head + blf.CAN_FD_MSG_STRUCT.pack(
        channel + 1, flags, len2dlc(length), identifier, 0, 0, fd_flags, length, frame.data
    )


class AscTrace(TraceWriter):
    """Vector's text log, in microseconds; error frames have neither identifier nor data in it."""

    def __init__(self, path: Path, bus_names: Sequence[str]) -> None:
        file = path.open("w", encoding="utf-8", newline="\n")
        super().__init__(path, file, bus_names)
        try:
            self._writer = _AscFile(file)
        except OSError as error:
            raise self._give_up(error) from error
        self._message = can.Message()  # one for all: making them costs most of the time

    def write(self, frame: Frame, channel: int) -> None:
        """Add a frame."""
        message = self._message
        message.timestamp = frame.t_ns / NS_PER_S
        message.arbitration_id = frame.id
        message.is_extended_id = frame.extended
        message.is_remote_frame = frame.remote
        message.is_error_frame = frame.error
        message.is_rx = frame.sender != OWN_NODE
        message.channel = channel
        message.dlc = len(frame.data)
        message.is_fd = isinstance(frame, FdFrame)
        message.bitrate_switch = isinstance(frame, FdFrame) and frame.fast
        message.data = frame.data  # type: ignore[assignment]  # only its hex() is used
        try:
            self._writer.on_message_received(message)
        except OSError as error:
            raise self._give_up(error) from error

    def _finish(self) -> None:
        self._writer.stop()


class _AscFile(can.ASCWriter):
    """python-can's writer without the date of today and without its shift to the first frame."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        self.file.write(f"Begin Triggerblock {_NO_DATE}\n")
        self.header_written = True
        self.log_event("Start of measurement", 0.0)

    def _format_header_datetime(self, dt: datetime) -> str:  # noqa: ARG002 - there is no date
        return _NO_DATE


_NO_DATE = "Thu Jan 01 00:00:00.000 1970"  # as the C locale writes it

_KINDS: dict[str, type[LogTrace] | type[BlfTrace] | type[AscTrace]] = {
    "blf": BlfTrace,
    "asc": AscTrace,
    "log": LogTrace,
}


def open_trace(path: Path, kind: str, bus_names: Sequence[str]) -> TraceWriter:
    """Begin a trace file.

    Args:
        path: A folder, for a file ``trace.<kind>`` in it; else the file's path without its suffix.
        kind: ``blf``, ``asc`` or ``log``.
        bus_names: The buses by channel.

    Raises:
        UsageError: If the kind is unknown.
        OutputError: If the file cannot be made.
    """
    writer = _KINDS.get(kind)
    if writer is None:
        raise UsageError(f"trace kind {kind!r} is not one of {', '.join(_KINDS)}")
    stem = path / "trace" if path.is_dir() else path
    target = stem.with_name(f"{stem.name}.{kind}")
    try:
        return writer(target, bus_names)
    except OSError as error:
        raise _trouble(target, error) from error
