"""One client of a plant: what it says, and what waits to be sent to it."""

from __future__ import annotations

import contextlib
import socket

from hil.host.protocol import JSON, Message, ProtocolError, Reader, pack_json, read_json

_LONGEST_COMMAND = 1 << 20
_CHUNK = 1 << 16
_WAITING = 16 << 20  # bytes: about two minutes of a full bus
_PATIENCE_S = 1.0  # a client that waits for its last answer takes it sooner
_DROPPED = 4 * _WAITING  # not even answers go to one that takes nothing at all


class GoneError(Exception):
    """The client is no more."""


class Peer:
    """A client.

    Args:
        connection: To it; must not block.
        number: Of the client, for messages.

    Attributes:
        name: What it calls itself.
        trusted: Whether it may say anything: it is the same user, or it has given the token.
        wants_frames: Whether it is sent the frames of the buses.
        greeted: Whether it has said hello.
        lost: Frames that it was too slow to take.
    """

    def __init__(self, connection: socket.socket, number: int, *, trusted: bool) -> None:
        self.connection = connection
        self.name = f"client {number}"
        self.trusted = trusted
        self.greeted = False
        self.wants_frames = False
        self.lost = 0
        self._told_lost = 0
        self._reader = Reader(_LONGEST_COMMAND)
        self._out = bytearray()

    def fileno(self) -> int:
        """Of the connection."""
        return self.connection.fileno()

    def read(self) -> list[Message]:
        """What it has said.

        Raises:
            GoneError: If it has gone.
            ProtocolError: If it says what makes no sense.
        """
        try:
            data = self.connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise GoneError from error
        if not data:
            raise GoneError
        messages = []
        for kind, content in self._reader.feed(data):
            if kind != JSON:
                raise ProtocolError(f"a message of kind {kind}")
            messages.append(read_json(content))
        return messages

    def tell(self, message: Message) -> None:
        """Send it a message, as soon as it can take it."""
        self._out += pack_json(message)

    def show(self, frames: bytes, count: int) -> None:
        """Send it packed frames; if it is too slow they are dropped, and it is told how many."""
        if not self.wants_frames:
            return
        if len(self._out) > _WAITING:
            self.lost += count
            return
        if self.lost > self._told_lost:
            self._told_lost = self.lost
            self.tell({"event": "lost", "frames": self.lost})
        self._out += frames

    def flush(self) -> None:
        """Send what it can take now.

        Raises:
            GoneError: If it has gone, or takes nothing at all.
        """
        if not self._out:
            return
        try:
            del self._out[: self.connection.send(self._out)]
        except BlockingIOError:
            if len(self._out) > _DROPPED:
                raise GoneError from None
        except OSError as error:
            raise GoneError from error

    def finish(self) -> None:
        """Send the rest, at the end of all; waits a while for a client that is slow to take it."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(_PATIENCE_S)
            self.connection.sendall(self._out)
        self._out.clear()

    def close(self) -> None:
        """Send the last answer, if it takes it, and hang up."""
        with contextlib.suppress(GoneError):
            self.flush()
        self.connection.close()
