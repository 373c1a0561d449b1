"""What a plant process and its clients say to each other.

A message is its length (4 bytes, little-endian, kind and content), a kind (1 byte) and its content::

    kind 1   JSON   {"do": "set", "n": 7, "port": …, "value": …}       client → plant
                    {"n": 7, "ok": {…}} or {"n": 7, "error": {…}}      plant → client, the answer
                    {"event": "on_wire" | "trouble" | …, …}            plant → client
    kind 2   frames the time mark, then all frames on all buses since the last message of this kind

The mark says: every frame that came before it is in this message or an earlier one. Some links stamp
frames before they come; how much before at most is the ``margin_ns`` of the greeting. A client that waits
for a frame with a stamp before an instant has waited long enough when the mark is that much later.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import hil.errors
from hil.bus.frame import FdFrame, Frame
from hil.bus.link import OWN
from hil.errors import HilError, RigTroubleError

VERSION = 3
JSON, FRAMES = 1, 2
LONGEST = 1 << 26  # bytes of a message
_EXTENDED, _ERROR, _OWN, _REMOTE, _FD, _FAST = 1, 2, 4, 8, 16, 32

_head = struct.Struct("<IB")
_mark = struct.Struct("<q")
_frame = struct.Struct("<qIIBBB")  # stamp, time on the wire, identifier, flags, bus, length
_LONGEST_ON_WIRE = 0xFFFFFFFF

Message = dict[str, Any]


class ProtocolError(RigTroubleError):
    """The other side does not speak this protocol."""


def pack_json(message: Mapping[str, Any]) -> bytes:
    """A message of kind 1."""
    content = json.dumps(message, separators=(",", ":")).encode()
    return _head.pack(len(content) + 1, JSON) + content


def pack_frame(frame: Frame, bus: int) -> bytes:
    """One frame, as part of a message of kind 2."""
    flags = (
        frame.extended * _EXTENDED
        | frame.error * _ERROR
        | (frame.sender == OWN) * _OWN
        | frame.remote * _REMOTE
    )
    if isinstance(frame, FdFrame):
        flags |= _FD | frame.fast * _FAST
    data = frame.data
    on_wire_ns = min(max(frame.t_ns - frame.start_ns, 0), _LONGEST_ON_WIRE)
    return _frame.pack(frame.t_ns, on_wire_ns, frame.id, flags, bus, len(data)) + data


def pack_frames(mark_ns: int, frames: bytes) -> bytes:
    """A message of kind 2 out of packed frames."""
    return _head.pack(len(frames) + 9, FRAMES) + _mark.pack(mark_ns) + frames


def unpack_frames(content: bytes) -> tuple[int, list[tuple[int, Frame]]]:
    """The mark, and the frames with the numbers of their buses.

    Raises:
        ProtocolError: If it is no message of kind 2.
    """
    try:
        (mark_ns,) = _mark.unpack_from(content)
        return mark_ns, list(_frames(content))
    except struct.error as error:
        raise ProtocolError(f"frames that make no sense: {error}") from error


def _frames(content: bytes) -> Iterator[tuple[int, Frame]]:
    place = _mark.size
    while place < len(content):
        t_ns, on_wire_ns, identifier, flags, bus, length = _frame.unpack_from(content, place)
        place += _frame.size
        data = content[place : place + length]
        if len(data) != length:
            raise ProtocolError("a frame is cut off")
        place += length
        frame = _made(identifier, data, flags)
        frame.t_ns, frame.start_ns = t_ns, t_ns - on_wire_ns
        yield bus, frame


def _made(identifier: int, data: bytes, flags: int) -> Frame:
    extended, sender = bool(flags & _EXTENDED), OWN if flags & _OWN else ""
    if flags & _FD:
        return FdFrame(identifier, data, extended, sender, bool(flags & _FAST))
    frame = Frame(identifier, data, extended, sender)
    frame.error, frame.remote = bool(flags & _ERROR), bool(flags & _REMOTE)
    return frame


class Reader:
    """Cuts a stream of bytes into messages.

    Args:
        longest: Bytes that a message may have.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and content of each message that is complete now.

        Raises:
            ProtocolError: If a message is longer than allowed, or empty.
        """
        self._waiting += data
        while len(self._waiting) >= _head.size:
            length, kind = _head.unpack_from(self._waiting)
            if not 1 <= length <= self._longest:
                raise ProtocolError(f"a message of {length} bytes", remedy="is this the socket of a plant?")
            end = _head.size - 1 + length
            if len(self._waiting) < end:
                return
            content = bytes(self._waiting[_head.size : end])
            del self._waiting[:end]
            yield kind, content


def read_json(content: bytes) -> Message:
    """The content of a message of kind 1.

    Raises:
        ProtocolError: If it is no JSON object.
    """
    try:
        message = json.loads(content)
    except ValueError as error:
        raise ProtocolError(f"a message that is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError("a message that is no JSON object")
    return message


def error_to_json(error: HilError) -> Message:
    """An error for the way to a client."""
    return {
        "kind": type(error).__name__,
        "reason": error.reason,
        "place": error.place,
        "key": error.key,
        "remedy": error.remedy,
    }


def error_from_json(message: Mapping[str, Any]) -> HilError:
    """The error that :func:`error_to_json` told of; of an unknown kind the rig's own trouble."""
    kind = getattr(hil.errors, str(message.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, HilError)):
        kind = RigTroubleError
    given = {key: str(message.get(key, "")) for key in ("place", "key", "remedy")}
    try:
        return kind(str(message.get("reason", "")), **given)
    except TypeError:  # one that is made of other errors
        return RigTroubleError(str(message.get("reason", "")))
