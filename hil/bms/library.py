"""The BMS as a shared library: firmware compiled for the host, stepped in lock-step with virtual time.

The five functions are those of ``bms.h``. Time is passed in; the firmware never reads a clock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simpy.events import URGENT, Event

from hil.bms import _calls
from hil.bms.heartbeat import Call, Heartbeat
from hil.bus.frame import CLASSIC, CLASSIC_BYTES, FAST, FD, FD_LENGTHS, Frame, format_of
from hil.bus.medium import Medium
from hil.bus.node import FrameHandler, Node
from hil.clock import NS_PER_S, Alarm, VirtualClock
from hil.errors import BmsError, FirmwareError, HilError

ABI_VERSION = 2
CLASSIC_VERSION = 1  # the same without CAN FD
_MAILBOXES = 128  # frames that the BMS's CAN controller holds when the bus does not take them
_HIGHEST_ID = {0: 0x7FF, 1: 0x1FFFFFFF}
_REQUIRED = ("bms_init", "bms_receive", "bms_step")
_REMEDY = "see docs/your-firmware.md"


class Firmware:
    """The loaded library with its functions declared.

    Raises:
        FirmwareError: If the library cannot be loaded, lacks a function, or has another ABI version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise self.trouble(f"the firmware library cannot be loaded: {error}") from error
        self._check()
        self.has_begun = False  # it has once said that it began a life
        self.init = self._declare("bms_init", ctypes.c_int, ctypes.c_uint64, ctypes.c_int32)

    def _check(self) -> None:
        missing = [name for name in _REQUIRED if not hasattr(self._library, name)]
        if missing:
            raise self.trouble(f"the firmware library lacks {', '.join(missing)}")
        try:
            version = ctypes.c_uint32.in_dll(self._library, "bms_abi_version").value
        except ValueError as error:
            raise self.trouble("the firmware library lacks bms_abi_version") from error
        if version not in (CLASSIC_VERSION, ABI_VERSION):
            raise self.trouble(f"bms_abi_version is {version}, this rig speaks {ABI_VERSION}")
        self.knows_fd = version >= ABI_VERSION

    def _declare(self, name: str, result: Any, *arguments: Any) -> Callable[..., int]:
        function = getattr(self._library, name)
        function.restype = result
        function.argtypes = arguments
        return function  # type: ignore[no-any-return]

    def calls(self, heartbeat: Heartbeat) -> _calls.Calls:
        """``bms_receive`` and ``bms_step``, which are called again and again; each shows in the heartbeat."""
        receive, step = (self._address_of(name) for name in ("bms_receive", "bms_step"))
        return _calls.Calls(receive, step, int(Call.RECEIVE), int(Call.STEP), heartbeat.view)

    def _address_of(self, name: str) -> int:
        return ctypes.cast(getattr(self._library, name), ctypes.c_void_p).value or 0

    @property
    def can_save(self) -> bool:
        """Whether the firmware offers the optional ``bms_save`` and ``bms_restore``."""
        return hasattr(self._library, "bms_save") and hasattr(self._library, "bms_restore")

    def save(self) -> bytes:
        """The firmware's whole state."""
        function = self._declare("bms_save", ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
        size = function(None, 0)
        buffer = ctypes.create_string_buffer(size)
        if function(buffer, size) != size:
            raise self.trouble("bms_save wrote less than it announced")
        return buffer.raw

    def restore(self, state: bytes) -> None:
        """Put the firmware back to a state of :meth:`save`."""
        function = self._declare("bms_restore", ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
        if function(state, len(state)) != 0:
            raise self.trouble("bms_restore refused a state that bms_save had written")

    def refuse_without_fd(self, bus: str) -> None:
        """To be called for each CAN FD bus that it is put on.

        Raises:
            FirmwareError: If it knows no CAN FD.
        """
        if not self.knows_fd:
            reason = f"bms_abi_version is {CLASSIC_VERSION}, which has no CAN FD, as bus {bus} does"
            raise self.trouble(reason)

    def trouble(self, reason: str) -> FirmwareError:
        """That it cannot be used at all: an error that names this library."""
        return FirmwareError(reason, place=str(self.path), key="bms.library", remedy=_REMEDY)

    def failure(self, reason: str, at_ns: int) -> BmsError:
        """That it did at an instant of the bus what no firmware may: the BMS's failure."""
        when = f"at bus time {at_ns / NS_PER_S:.3f} s"
        return BmsError(f"{reason} {when}", remedy=_REMEDY)


def wrong_with(identifier: int, extended: int, length: int, flags: int) -> str:
    """What is wrong with a frame that firmware sent, in words; nothing if it is right."""
    if flags & ~(FD | FAST):
        return f"unknown flags {flags:#x}"
    if not (length in FD_LENGTHS if flags & FD else length <= CLASSIC_BYTES):
        return f"{length} bytes in a {'CAN FD' if flags & FD else 'classic'} frame"
    if identifier > _HIGHEST_ID.get(extended, -1):
        return f"identifier {identifier:#x} with extended = {extended}"
    return ""


class LibraryBms:
    """Firmware behind ``bms.h`` on a bus, stepped every ``step_ns``.

    Args:
        clock: The one time line.
        firmware: The loaded library. Its state is global, so one world at a time holds it.
        step_ns: Time between two calls of ``bms_step``.
        heartbeat: The supervisor's sign of life.
    """

    def __init__(
        self,
        clock: VirtualClock,
        firmware: Firmware,
        step_ns: int,
        heartbeat: Heartbeat,
    ) -> None:
        self._clock = clock
        self._firmware = firmware
        self._step_ns = step_ns
        self._nodes: list[Node] = []
        self._beat = heartbeat.view
        self._calls = firmware.calls(heartbeat)
        self._alarm: Alarm | None = None  # of the next step, while it is switched on
        self._starved = False  # it would run if it had a supply

    def attach(self, medium: Medium) -> None:
        """Put the BMS on a bus; the first one attached is bus 0 of ``bms_frame``.

        Raises:
            FirmwareError: If it is a CAN FD bus and the firmware knows none.
        """
        if medium.data_bitrate:
            self._firmware.refuse_without_fd(medium.name)
        self._nodes.append(medium.attach("bms", on_frame=self.receiver(len(self._nodes))))

    def power_on(self, *, cold: bool) -> None:
        """Call ``bms_init`` and begin to step.

        Raises:
            FirmwareError: If the firmware has never begun, and reports an error.
            BmsError: If it reports one later.
        """
        firmware, now_ns, beat = self._firmware, self._clock.now_ns, self._beat
        self.power_off()
        beat[2], beat[3] = Call.INIT if firmware.has_begun else Call.FIRST_INIT, now_ns
        beat[0] += 1
        result = firmware.init(now_ns, int(cold))
        beat[0] += 1
        if result != 0:
            reason = f"bms_init returned {result}"
            raise firmware.failure(reason, now_ns) if firmware.has_begun else firmware.trouble(reason)
        firmware.has_begun = True
        self._alarm = Alarm(self._clock, self._step)
        self._clock.schedule(self._alarm, URGENT)  # before all else that is due now

    def power_off(self) -> None:
        """Stop stepping, receiving and sending."""
        self._starved = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def supply(self, on: bool) -> None:
        """Stop at once when the supply fails; ``bms_init`` with its memory when it comes back."""
        if not on and self._alarm is not None:
            self.power_off()
            self._starved = True
        elif on and self._starved:
            self.power_on(cold=False)

    def receiver(self, bus: int = 0) -> FrameHandler:
        """What passes frames of a bus to ``bms_receive``; error and remote frames stay in the controller.

        It raises a BmsError if the firmware reports an error.
        """
        receive = self._calls.receive

        def on_frame(frame: Frame) -> None:
            if frame.error or frame.remote or self._alarm is None:
                return
            flags = CLASSIC if frame.__class__ is Frame else format_of(frame)
            result = receive(frame.t_ns, frame.id, frame.extended, bus, flags, frame.data)
            if result != 0:
                raise self._failed(f"bms_receive returned {result}", frame.t_ns)

        return on_frame

    def _step(self, alarm: Event) -> None:
        clock = self._clock
        sent = self._calls.step(clock.now_ns)
        if isinstance(sent, int):
            raise self._failed(f"bms_step returned {sent}", clock.now_ns)
        for fields in sent:
            self._send(*fields)
        if self._alarm is alarm:  # not switched off by what was sent
            clock.set_alarm(self._alarm, clock.now_ns + self._step_ns)

    def _failed(self, reason: str, at_ns: int) -> HilError:
        """The firmware broke its contract: nobody knows what it would do next, so it is switched off."""
        self.power_off()
        return self._firmware.failure(reason, at_ns)

    def _send(
        self, identifier: int, extended: int, length: int, bus: int, flags: int, data: bytes
    ) -> None:
        """Put a frame on its bus; off the bus, or with all mailboxes full, it is lost as in a controller."""
        wrong = wrong_with(identifier, extended, length, flags)
        if wrong or bus >= len(self._nodes):
            raise self._failed(f"bms_step sent {wrong or f'a frame on bus {bus}'}", self._clock.now_ns)
        node = self._nodes[bus]
        if not node.bus_off and node.pending < _MAILBOXES:
            node.send(identifier, data, bool(extended), flags)
