"""The sim bus keeps python-can's contract, in virtual time, opened through its entry point."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import can
import pytest

from hil.bus.open import close_medium, open_medium
from hil.bus.sim import SimBus
from hil.bus.sim_task import SimCyclicTask
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock


def sim(channel: str = "lone", **options: Any) -> SimBus:
    bus = can.Bus(interface="sim", channel=channel, ignore_config=True, **options)
    assert isinstance(bus, SimBus)
    return bus


@pytest.fixture
def buses() -> Iterator[tuple[SimBus, SimBus]]:
    with sim(bitrate=500_000, name="a") as a, sim(name="b") as b:
        yield a, b


def test_a_message_arrives_after_its_time_on_the_wire(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    sent = can.Message(arbitration_id=0x123, data=bytes(8), is_extended_id=False)
    a.send(sent)
    got = b.recv(timeout=1.0)
    assert got is not None
    assert got.equals(sent, timestamp_delta=None, check_channel=False)
    assert got.timestamp == (125 - 3) * 2e-6
    assert got.channel == "lone"
    assert got.is_rx
    assert a.recv(timeout=0) is None  # its own frame does not come back


@pytest.mark.parametrize(
    "message",
    [
        can.Message(arbitration_id=0x18FF50E5, data=b"\1\2\3"),
        can.Message(arbitration_id=0x7FF, is_extended_id=False),
        can.Message(arbitration_id=0x7FF, is_extended_id=False, is_remote_frame=True, dlc=8),
        can.Message(arbitration_id=0x1FFFFFFF, is_remote_frame=True),
    ],
    ids=["extended", "empty", "remote 8", "extended remote"],
)
def test_kinds_of_messages(buses: tuple[SimBus, SimBus], message: can.Message) -> None:
    a, b = buses
    a.send(message)
    got = b.recv(1)
    assert got is not None
    assert got.equals(message, timestamp_delta=None, check_channel=False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (can.Message(arbitration_id=1, is_fd=True, data=bytes(12)), "CAN FD"),
        (can.Message(arbitration_id=1, is_error_frame=True), "made by the bus"),
        (can.Message(arbitration_id=1, dlc=8, data=b"\1"), "length 8 but 1 data bytes"),
        (can.Message(arbitration_id=1, dlc=9, data=bytes(9)), "length 9 is not 0 to 8"),
        (can.Message(arbitration_id=0x800, is_extended_id=False), "does not fit into 11 bits"),
        (can.Message(arbitration_id=1 << 29), "does not fit into 29 bits"),
    ],
)
def test_what_is_no_classic_frame_is_refused(
    buses: tuple[SimBus, SimBus], message: can.Message, reason: str
) -> None:
    with pytest.raises(can.CanOperationError, match=reason):
        buses[0].send(message)


def test_timeout_takes_virtual_time(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    assert b.recv(timeout=3600) is None
    assert a.now == b.now == 3600.0


def test_recv_for_ever_says_so_when_nothing_can_come(buses: tuple[SimBus, SimBus]) -> None:
    with pytest.raises(can.CanOperationError, match="never end"):
        buses[0].recv()


def test_filters_hold_back_other_identifiers(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    b.set_filters([{"can_id": 0x100, "can_mask": 0x7F0, "extended": False}])
    for identifier, extended in ((0x110, False), (0x105, True), (0x105, False)):
        a.send(can.Message(arbitration_id=identifier, is_extended_id=extended))
    got = b.recv(1)
    assert got is not None
    assert (got.arbitration_id, got.is_extended_id) == (0x105, False)
    assert b.recv(1) is None
    b.set_filters()
    a.send(can.Message(arbitration_id=0x110))
    assert b.recv(1) is not None


@pytest.mark.usefixtures("buses")
def test_own_messages_come_back_if_asked_for() -> None:
    with sim(receive_own_messages=True, name="c") as c:
        c.send(can.Message(arbitration_id=1))
        got = c.recv(1)
        assert got is not None
        assert not got.is_rx


def test_periodic_sending_keeps_its_period(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    message = can.Message(arbitration_id=0x100, data=[1], is_extended_id=False)
    task = a.send_periodic(message, 0.01, duration=0.1)
    stamps = []
    while (got := b.recv(0.5)) is not None:
        stamps.append(got.timestamp)
    assert len(stamps) == 10
    gaps = {round((y - x) * NS_PER_S) for x, y in pairwise(stamps)}
    assert gaps == {10 * NS_PER_MS}
    task.stop()


def test_periodic_tasks_stop_start_and_change(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    message = can.Message(arbitration_id=0x100, data=[1], is_extended_id=False)
    task = a.send_periodic(message, 0.01, autostart=False)
    assert isinstance(task, SimCyclicTask)
    assert b.recv(0.1) is None
    task.start()
    first = b.recv(0.1)
    task.modify_data(can.Message(arbitration_id=0x100, data=[2], is_extended_id=False))
    second = b.recv(0.1)
    assert first is not None
    assert second is not None
    assert (first.data[0], second.data[0]) == (1, 2)
    task.stop()
    assert b.recv(0.1) is None
    task.start()
    assert b.recv(0.1) is not None
    with pytest.raises(ValueError, match="arbitration ID"):
        task.modify_data(can.Message(arbitration_id=0x101))


def test_periodic_messages_in_turn_and_modified(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    count = iter(range(100))

    def stamp(message: can.Message) -> None:
        message.data[1] = next(count)

    pair = [can.Message(arbitration_id=0x100, data=[i, 0]) for i in range(2)]
    task = a.send_periodic(pair, 0.01, modifier_callback=stamp)
    got = [b.recv(0.1) for _ in range(4)]
    assert [bytes(m.data) for m in got if m] == [b"\0\0", b"\1\1", b"\0\2", b"\1\3"]
    task.stop()


def test_a_stopped_bus_sends_nothing_more(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    a.send_periodic(can.Message(arbitration_id=1), 0.01)
    assert b.recv(1) is not None
    a.shutdown()
    assert b.recv(1) is None
    with pytest.raises(can.CanOperationError, match="shut down"):
        a.recv(0)


def test_error_frames_come_as_socketcan_tells_them(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    a._medium.disturb()
    b.set_filters([{"can_id": 0x999, "can_mask": 0x7FF}])
    a.send(can.Message(arbitration_id=0x100, data=bytes(8), is_extended_id=False))
    got = b.recv(1)
    assert got is not None
    assert got.is_error_frame
    assert got.arbitration_id & 0x288 == 0x288  # counters, bus error, protocol error
    assert got.data[2] == 0x81  # a bit error, in transmission
    assert got.data[6] == 8  # the transmit error counter


def test_states_go_to_bus_off_and_back(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    assert a.state is can.BusState.ACTIVE
    a.node.auto_recover = False
    a._medium.disturb(count=None)
    a.send(can.Message(arbitration_id=0x100, data=bytes(8)))
    seen = set()
    while b.recv(0.01) is not None:
        seen.add(a.state)
    assert seen == {can.BusState.ACTIVE, can.BusState.PASSIVE, can.BusState.ERROR}
    with pytest.raises(can.CanOperationError, match="off the bus"):
        a.send(can.Message(arbitration_id=0x100))
    a.state = can.BusState.ACTIVE
    assert a.state is can.BusState.ACTIVE


def test_send_waits_for_the_acknowledgement_if_asked() -> None:
    with sim(name="alone") as alone:
        with pytest.raises(can.CanTimeoutError, match="not acknowledged"):
            alone.send(can.Message(arbitration_id=0x100), timeout=0.01)
        assert alone.state is can.BusState.PASSIVE
        with sim(name="other") as other:
            came = [other.recv(0.01), other.recv(0.01)]  # it was on the wire, and withdrawn
            assert [message is not None and message.is_error_frame for message in came] == [1, 0]
            alone.send(can.Message(arbitration_id=0x101), timeout=0.01)
            got = other.recv(0)
            assert got is not None
            assert got.arbitration_id == 0x101


def test_flush_withdraws_what_waits(buses: tuple[SimBus, SimBus]) -> None:
    a, b = buses
    for identifier in range(5):
        a.send(can.Message(arbitration_id=identifier))
    a.flush_tx_buffer()
    assert b.recv(1) is None


def test_a_notifier_is_refused(buses: tuple[SimBus, SimBus]) -> None:
    reasons = []

    def other_thread() -> None:
        try:
            buses[0].recv(0)
        except can.CanOperationError as error:
            reasons.append(str(error))

    thread = threading.Thread(target=other_thread)
    thread.start()
    thread.join()
    assert "one thread" in reasons[0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"fd": True}, "is classic CAN"),
        ({"bitrate": 250_000}, "runs at 500000 bit/s"),
        ({"txqueuelen": 10}, "no option txqueuelen"),
    ],
)
@pytest.mark.usefixtures("buses")
def test_wrong_options(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(can.CanInitializationError, match=reason):
        sim(**options)


class Settings:
    interface = "sim"
    bitrate = 250_000
    data_bitrate = 0


def test_a_rigs_bus_is_found_by_name_while_it_lives() -> None:
    clock = VirtualClock()
    medium = open_medium("pack", Settings(), clock, seed=1)
    node = medium.attach("rig")
    with sim("pack") as bus:
        node.send(0x55, b"\1")
        got = bus.recv(1)
        assert got is not None
        assert got.arbitration_id == 0x55
        assert {"interface": "sim", "channel": "pack"} in SimBus._detect_available_configs()
    close_medium(medium)
    with sim("pack", bitrate=500_000) as bus:
        assert bus._medium is not medium


def test_lone_wires_share_one_clock_and_are_forgotten() -> None:
    with sim() as a, can.Bus(interface="sim", channel="other", ignore_config=True) as b:
        assert a.recv(1.5) is None
        assert isinstance(b, SimBus)
        assert b.now == 1.5
    with sim() as a:
        assert a.now == 0


def test_a_full_receive_queue_loses_and_counts(
    buses: tuple[SimBus, SimBus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.bus.sim.RX_QUEUE_SIZE", 3)
    a, b = buses
    for _ in range(5):
        a.send(can.Message(arbitration_id=1))
    a._medium.clock.run_until(NS_PER_S)
    assert b.lost == 2
