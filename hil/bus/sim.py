"""The virtual bus in python-can: ``can.Bus(interface="sim", channel="pack", bitrate=500_000)``.

All waiting is in virtual time: :meth:`SimBus.recv` lets the clock run until a frame comes, periodic
tasks are events on the clock. There is no thread, so python-can's ``Notifier``, which needs one, is
refused: call ``recv`` or iterate over the bus. A rig's buses are found under their names while the
rig lives; a script without a rig gets wires of its own, on a clock of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import can
from can.typechecking import AutoDetectedConfig, CanFilters

from hil.bus.frame import Frame, from_can_message, to_can_message
from hil.bus.open import join_medium, leave_medium, media
from hil.bus.sim_task import SimCyclicTask
from hil.clock import NS_PER_S
from hil.errors import HilError

_ERRORS: dict[str, can.BusState] = {
    "error-active": can.BusState.ACTIVE,
    "error-passive": can.BusState.PASSIVE,
    "bus-off": can.BusState.ERROR,
}
RX_QUEUE_SIZE = 65_536  # frames not yet fetched; more are lost, as in a real driver, and counted


class SimBus(can.BusABC):
    """A node on a virtual CAN bus.

    Args:
        channel: Name of the wire.
        can_filters: What to receive, as python-can says it; error frames pass every filter.
        bitrate: Bits per second; must be the wire's. Without it, the wire's, or 500 kbit/s for a
            new one.
        receive_own_messages: Whether frames that this node sent come back once they are through.
        fd: Whether it takes part in CAN FD; the wire must, too.
        data_bitrate: Of the data of CAN FD frames; as ``bitrate``.
        name: Name of the node.
        options: Nothing else; named in the error.

    Attributes:
        node: The node itself: error counters, bus-off.
        lost: How many frames came while the receive queue was full.
    """

    def __init__(  # noqa: PLR0913 - python-can's options
        self,
        channel: str = "sim",
        can_filters: CanFilters | None = None,
        *,
        bitrate: int | None = None,
        receive_own_messages: bool = False,
        fd: bool = False,
        data_bitrate: int | None = None,
        name: str = "python-can",
        **options: object,
    ) -> None:
        if options:
            raise can.CanInitializationError(
                f"the sim bus knows no option {', '.join(sorted(options))}"
            )
        try:
            rates = [None if rate is None else int(rate) for rate in (bitrate, data_bitrate)]
            self._medium = join_medium(str(channel), *rates, fd=fd)
        except HilError as error:
            raise can.CanInitializationError(str(error)) from error
        self.channel_info = f"sim channel {channel!r} at {self._medium.bitrate} bit/s"
        self.lost = 0
        self._channel = str(channel)
        self._thread = threading.get_ident()
        self._received: deque[Frame] = deque()
        self._accepts: Callable[[Frame], bool] | None = None
        self.node = self._medium.attach(name, self._on_frame)
        if receive_own_messages:
            self.node.on_sent = self._on_frame
        super().__init__(channel=channel, can_filters=can_filters)

    def recv(self, timeout: float | None = None) -> can.Message | None:
        """Let virtual time run until a frame comes, for at most ``timeout`` seconds of it.

        Raises:
            CanOperationError: If nothing can come any more, or the call is from another thread or
                from within an event of the clock.
        """
        self._check_caller()
        clock = self._medium.clock
        until_ns = None if timeout is None else clock.now_ns + max(0, round(timeout * NS_PER_S))
        try:
            clock.run_until_any(until_ns, self._received)
        except RuntimeError as error:
            raise can.CanOperationError(str(error)) from error
        if self._received:
            return self._message(self._received.popleft())
        if timeout is None:
            raise can.CanOperationError("nothing is left to happen here: recv would never end")
        return None

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Queue a frame; with ``timeout``, let virtual time run until it is acknowledged.

        Raises:
            CanOperationError: If it is no frame for this wire, the node is off the bus or its queue is full.
            CanTimeoutError: If it was not acknowledged within ``timeout`` seconds; it is withdrawn
                then.
        """
        self._check_caller()
        if self.node.bus_off:
            raise can.CanOperationError("this node is off the bus")
        try:
            frame = self.node.send_frame(from_can_message(msg, self.node.name))
        except HilError as error:
            raise can.CanOperationError(str(error)) from error
        if timeout:
            self._await(frame, timeout)

    def flush_tx_buffer(self) -> None:
        """Withdraw all frames that wait; one that is on the wire stays there."""
        self._medium.withdraw(self.node)

    def shutdown(self) -> None:
        """Stop the periodic tasks and leave the bus."""
        if not self._is_shutdown:
            super().shutdown()
            self.node.detach()
            leave_medium(self._medium)

    @property
    def state(self) -> can.BusState:
        """``ACTIVE``, ``PASSIVE`` (error-passive) or ``ERROR`` (off the bus)."""
        return _ERRORS[self.node.state]

    @state.setter
    def state(self, new_state: can.BusState) -> None:
        """``ACTIVE`` restarts the controller: error counters at zero, back on the bus."""
        if new_state is not can.BusState.ACTIVE:
            raise NotImplementedError("the sim bus can only be set to ACTIVE")
        self._medium.recover(self.node)

    @property
    def now(self) -> float:
        """Virtual time in seconds, as in the messages' timestamps."""
        return self._medium.clock.now_ns / NS_PER_S

    def _check_caller(self) -> None:
        if self._is_shutdown:
            raise can.CanOperationError("the bus is shut down")
        if threading.get_ident() != self._thread:
            raise can.CanOperationError(
                "virtual time belongs to one thread: call recv() there instead of using a Notifier"
            )

    def _await(self, frame: Frame, timeout: float) -> None:
        clock, through = self._medium.clock, _Through(frame)
        try:
            clock.run_until_any(clock.now_ns + round(timeout * NS_PER_S), through)
        except RuntimeError as error:
            raise can.CanOperationError(str(error)) from error
        if not through:
            self._medium.withdraw(self.node, frame)
            raise can.CanTimeoutError(f"frame 0x{frame.id:X} was not acknowledged in {timeout} s")

    def _on_frame(self, frame: Frame) -> None:
        if self._accepts is not None and not frame.error and not self._accepts(frame):
            return
        if len(self._received) >= RX_QUEUE_SIZE:
            self.lost += 1
        else:
            self._received.append(frame)

    def _message(self, frame: Frame) -> can.Message:
        message = to_can_message(frame, self._channel)
        message.is_rx = frame.error or frame.sender != self.node.name
        return message

    def _apply_filters(self, filters: CanFilters | None) -> None:
        """Filter on arrival, as a controller does."""
        if not filters:
            self._accepts = None
            return
        rows = [(f["can_id"], f["can_mask"], f.get("extended")) for f in filters]

        def accepts(frame: Frame) -> bool:
            return any(
                (frame.id ^ wanted) & mask == 0 and extended in (None, frame.extended)
                for wanted, mask, extended in rows
            )

        self._accepts = accepts

    def _send_periodic_internal(
        self,
        msgs: Sequence[can.Message] | can.Message,
        period: float,
        duration: float | None = None,
        autostart: bool = True,
        modifier_callback: Callable[[can.Message], None] | None = None,
    ) -> SimCyclicTask:
        self._check_caller()
        clock = self._medium.clock
        return SimCyclicTask(self.send, clock, msgs, period, duration, autostart, modifier_callback)

    @staticmethod
    def _detect_available_configs() -> Sequence[AutoDetectedConfig]:
        return [{"interface": "sim", "channel": name} for name in media()]


class _Through(Sequence[Frame]):
    """Holds a frame once it is through: what a clock can wait for."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return int(self._frame.t_ns > 0)

    def __getitem__(self, index: Any) -> Any:
        return (self._frame,)[index]
