"""A serial port that never blocks and says plainly what is wrong; pyserial opens it.

On POSIX it reads and writes the descriptor itself: pyserial's non-blocking ``write`` spins while
the line's buffer is full, and its ``read`` of an unplugged port looks like one without data.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading

import serial  # type: ignore[import-untyped]
from serial.tools import list_ports  # type: ignore[import-untyped]

from hil.errors import BusError

_CHUNK = 4096
_MOST = 16 * _CHUNK  # bytes in one call
_POLL_S = 0.005  # where there is nothing to select on


class SerialPort:
    """An open port.

    Args:
        channel: Its name, or a URL that pyserial knows.
        baudrate: Bits per second on the line; USB adapters ignore it.

    Raises:
        BusError: If there is no such port, it is in use, or the user has no right to it.
    """

    def __init__(self, channel: str, baudrate: int) -> None:
        self.channel = channel
        options = {"baudrate": baudrate, "timeout": 0, "write_timeout": 0, "exclusive": True}
        if os.name == "nt" or "://" in channel:
            del options["exclusive"]
        try:
            self._serial = serial.serial_for_url(channel, **options)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _explained(error, channel) from error
        try:
            self._descriptor: int | None = self._serial.fileno()
            if self._descriptor is not None:
                _tell_data_from_end(self._descriptor)
        except (OSError, AttributeError):  # not a port of the system, or not POSIX
            self._descriptor = None

    def fileno(self) -> int | None:
        """The descriptor, where the system has one to wait on."""
        return self._descriptor

    def read(self) -> bytes:
        """What has come, up to 64 KiB.

        Raises:
            BusError: If the port is gone.
        """
        pieces = []
        size = 0
        try:
            while size < _MOST:
                piece = self._read_some()
                if not piece:
                    break
                pieces.append(piece)
                size += len(piece)
        except (OSError, serial.SerialException) as error:
            if not pieces:  # otherwise next time
                raise self._gone(error) from error
        return b"".join(pieces)

    def write(self, data: bytes) -> int:
        """Write what the line takes now.

        Returns:
            How many bytes that were.

        Raises:
            BusError: If the port is gone.
        """
        try:
            if self._descriptor is None:
                return int(self._serial.write(data) or 0)
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except (OSError, serial.SerialException) as error:
            raise self._gone(error) from error

    def wait(self, timeout_s: float) -> None:
        """Wait until something has come; only for the time of opening."""
        if self._descriptor is not None:
            select.select((self._descriptor,), (), (), timeout_s)
        else:
            threading.Event().wait(min(timeout_s, _POLL_S))

    def close(self) -> None:
        """Close the port; an unplugged one too."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.close()

    def _read_some(self) -> bytes:
        if self._descriptor is None:
            return bytes(self._serial.read(self._serial.in_waiting or 1))
        try:
            piece = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return b""
        if not piece:
            raise OSError(errno.EIO, "the port has hung up")
        return piece

    def _gone(self, error: Exception) -> BusError:
        return BusError(
            f"the adapter is gone: {_words(error)}",
            place=f"serial port {self.channel}",
            remedy="plug it in again",
        )


def _tell_data_from_end(descriptor: int) -> None:
    """At least one byte a read: then no bytes at all mean that the port has hung up."""
    import termios  # noqa: PLC0415  # not on Windows

    try:
        attributes = termios.tcgetattr(descriptor)
        attributes[6][termios.VMIN] = 1
        attributes[6][termios.VTIME] = 0
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    except termios.error as error:
        raise OSError(*error.args) from error


def _explained(error: Exception, channel: str) -> BusError:
    code = getattr(error, "errno", None)
    reason, remedy = _words(error), ""
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO):
        found = ", ".join(sorted(port.device for port in list_ports.comports()))
        reason = "there is no such serial port"
        remedy = f"found: {found}" if found else "plug the adapter in; no serial port was found"
    elif code in (errno.EACCES, errno.EPERM):
        reason = "you have no right to use it"
        remedy = "`sudo usermod -aG dialout $USER`, then log in again"
    elif code in (errno.EAGAIN, errno.EBUSY):
        reason, remedy = "another program uses it", "stop that program"
    return BusError(reason, place=f"serial port {channel}", remedy=remedy)


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
