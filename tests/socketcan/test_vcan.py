"""The ground that the rig's own links stand on: python-can on a ``vcan`` of the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import can
import pytest

Open = Callable[..., can.BusABC]


@pytest.fixture
def open_bus() -> Iterator[Open]:
    """Opens buses, vcan0 unless told; all are closed at the end."""
    buses: list[can.BusABC] = []

    def open_one(channel: str = "vcan0", **options: Any) -> can.BusABC:
        buses.append(can.Bus(interface="socketcan", channel=channel, **options))
        return buses[-1]

    yield open_one
    for bus in buses:
        bus.shutdown()


def _received(bus: can.BusABC) -> can.Message:
    message = bus.recv(timeout=2.0)
    assert message is not None
    return message


@pytest.mark.parametrize("channel", ["vcan0", "vcan1", "vcan2", "vcan3"])
def test_a_frame_arrives_on_its_own_bus_only(open_bus: Open, channel: str) -> None:
    receiver, sender = open_bus(channel), open_bus(channel)
    others = [open_bus(f"vcan{n}") for n in range(4) if f"vcan{n}" != channel]
    sender.send(can.Message(arbitration_id=0x123, data=b"\x11\x22", is_extended_id=False))
    got = _received(receiver)
    assert (got.arbitration_id, got.is_extended_id, bytes(got.data)) == (0x123, False, b"\x11\x22")
    assert all(bus.recv(timeout=0) is None for bus in others)


def test_extended_and_remote_frames(open_bus: Open) -> None:
    receiver, sender = open_bus(), open_bus()
    sender.send(can.Message(arbitration_id=0x18FF50E5, data=bytes(8), is_extended_id=True))
    sender.send(can.Message(arbitration_id=0x7, is_remote_frame=True, dlc=4, is_extended_id=False))
    first, second = _received(receiver), _received(receiver)
    assert (first.arbitration_id, first.is_extended_id) == (0x18FF50E5, True)
    assert (second.is_remote_frame, second.dlc) == (True, 4)


def test_fd_frames(open_bus: Open) -> None:
    receiver, sender = open_bus(fd=True), open_bus(fd=True)
    sent = can.Message(
        arbitration_id=1, data=bytes(range(64)), is_fd=True, bitrate_switch=True, is_extended_id=False
    )
    sender.send(sent)
    got = _received(receiver)
    assert (got.is_fd, got.bitrate_switch, bytes(got.data)) == (True, True, bytes(range(64)))


def test_own_frames_come_back_when_wanted(open_bus: Open) -> None:
    deaf, hearing = open_bus(), open_bus(receive_own_messages=True)
    deaf.send(can.Message(arbitration_id=1, is_extended_id=False))
    hearing.send(can.Message(arbitration_id=2, is_extended_id=False))
    assert [_received(hearing).arbitration_id for _ in range(2)] == [1, 2]
    assert _received(deaf).arbitration_id == 2
    assert deaf.recv(timeout=0) is None


def test_the_kernel_stamps_the_arrival(open_bus: Open) -> None:
    """Read late, the stamps still have the distance at which the frames were sent."""
    receiver, sender = open_bus(), open_bus()
    sent_s = []
    for _ in range(2):
        before_s = time.monotonic()
        sender.send(can.Message(arbitration_id=1, is_extended_id=False))
        sent_s.append((before_s, time.monotonic()))
        time.sleep(0.05)  # noqa: TID251
    first, second = _received(receiver), _received(receiver)
    shortest_s, longest_s = sent_s[1][0] - sent_s[0][1], sent_s[1][1] - sent_s[0][0]
    assert shortest_s - 0.005 <= second.timestamp - first.timestamp <= longest_s + 0.005


def test_filters_are_the_kernels(open_bus: Open) -> None:
    receiver, sender = open_bus(can_filters=[{"can_id": 0x200, "can_mask": 0x7FF}]), open_bus()
    for identifier in (0x1FF, 0x200, 0x201):
        sender.send(can.Message(arbitration_id=identifier, is_extended_id=False))
    assert _received(receiver).arbitration_id == 0x200
    assert receiver.recv(timeout=0) is None


def test_the_broadcast_manager_sends_and_changes_the_data(open_bus: Open) -> None:
    receiver, sender = open_bus(), open_bus()
    message = can.Message(arbitration_id=0x321, data=b"\x00", is_extended_id=False)
    task = sender.send_periodic(message, period=0.01)
    assert isinstance(task, can.ModifiableCyclicTaskABC)
    assert [bytes(_received(receiver).data) for _ in range(5)] == [b"\x00"] * 5
    message.data = bytearray(b"\x01")
    task.modify_data(message)
    assert any(_received(receiver).data == b"\x01" for _ in range(20))
    task.stop()
    while receiver.recv(timeout=0) is not None:
        pass
    assert receiver.recv(timeout=0.05) is None
