"""PEAK's driver library, as far as python-can's ``pcan`` calls it: all its channels are on one bus."""

from __future__ import annotations

import copy
import socket
import time
from collections import deque
from contextlib import suppress
from typing import Any

from can.interfaces.pcan import basic

OK = basic.PCAN_ERROR_OK
_Message = Any  # TPCANMsg or TPCANMsgFD


class _Channel:
    """One that has been initialised: what waits to be read, and what becomes readable then."""

    def __init__(self) -> None:
        self.waiting: deque[_Message] = deque()
        self.echoes = False
        self.reading, self._ringing = socket.socketpair()
        self.reading.setblocking(False)
        self._ringing.setblocking(False)

    def put(self, message: _Message) -> None:
        self.waiting.append(message)
        self._ringing.send(b"!")

    def take(self) -> _Message | None:
        with suppress(BlockingIOError):
            self.reading.recv(1)
        return self.waiting.popleft() if self.waiting else None

    def close(self) -> None:
        self.reading.close()
        self._ringing.close()


class Peak:
    """Stands for the class ``PCANBasic``: calling it gives itself.

    Attributes:
        told: With which bit rate each channel was initialised: a register's value, or the words of CAN FD.
    """

    def __init__(self) -> None:
        self.told: dict[int, int | str] = {}
        self._channels: dict[int, _Channel] = {}

    def __call__(self) -> Peak:
        return self

    def Initialize(self, channel: Any, bitrate: Any, *_isa: Any) -> int:  # noqa: N802 - PEAK's names
        return self._begin(channel, bitrate.value)

    def InitializeFD(self, channel: Any, bitrate: bytes) -> int:  # noqa: N802
        # without a timing the real one refuses, too
        return self._begin(channel, bitrate.decode()) if bitrate else int(basic.PCAN_ERROR_ILLPARAMVAL)

    def _begin(self, channel: Any, bitrate: int | str) -> int:
        self.told[channel.value] = bitrate
        self._channels[channel.value] = _Channel()
        return int(OK)

    def Uninitialize(self, channel: Any) -> int:  # noqa: N802
        if channel.value in self._channels:
            self._channels.pop(channel.value).close()
        return int(OK)

    def GetValue(self, channel: Any, parameter: Any) -> tuple[int, object]:  # noqa: N802
        if parameter.value == basic.PCAN_API_VERSION.value:
            return int(OK), b"4.9.0"
        assert parameter.value == basic.PCAN_RECEIVE_EVENT.value
        return int(OK), self._channels[channel.value].reading.fileno()

    def SetValue(self, channel: Any, parameter: Any, value: Any) -> int:  # noqa: N802
        if parameter.value == basic.PCAN_ALLOW_ECHO_FRAMES.value:
            self._channels[channel.value].echoes = bool(value)
        return int(OK)

    def GetErrorText(self, error: int, _language: int) -> tuple[int, bytes]:  # noqa: N802
        return int(OK), f"error {error:X}h".encode()

    def Write(self, channel: Any, message: _Message) -> int:  # noqa: N802
        for number, other in list(self._channels.items()):
            if number != channel.value:
                other.put(copy.copy(message))
            elif other.echoes:
                echo = copy.copy(message)
                echo.MSGTYPE |= basic.PCAN_MESSAGE_ECHO.value
                other.put(echo)
        return int(OK)

    WriteFD = Write

    def Read(self, channel: Any) -> tuple[int, _Message, Any]:  # noqa: N802
        micros = time.monotonic_ns() // 1000
        message, stamp = self._take(channel), basic.TPCANTimestamp()
        stamp.millis, stamp.micros = micros // 1000 & 0xFFFFFFFF, micros % 1000
        return int(OK if message else basic.PCAN_ERROR_QRCVEMPTY), message, stamp

    def ReadFD(self, channel: Any) -> tuple[int, _Message, Any]:  # noqa: N802
        message = self._take(channel)
        stamp = basic.TPCANTimestampFD(time.monotonic_ns() // 1000)
        return int(OK if message else basic.PCAN_ERROR_QRCVEMPTY), message, stamp

    def _take(self, channel: Any) -> _Message | None:
        found = self._channels.get(channel.value)
        return found.take() if found is not None else None
