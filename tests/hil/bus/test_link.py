"""What all links share: counters, complaints, the way from the rig file to the right link."""

import pytest

from hil.bus.frame import Frame
from hil.bus.link import LinkCounters, open_link
from hil.errors import BusError, RigFileError


def error(identifier: int, data: str = "") -> Frame:
    frame = Frame(identifier, bytes.fromhex(data))
    frame.error = True
    return frame


def test_error_frames_are_counted_and_told() -> None:
    counters = LinkCounters()
    counters.count_error(error(0x204, "0020 0000 0000 8803"))
    assert (counters.state, counters.tec, counters.rec) == ("error-passive", 0x88, 3)
    counters.count_error(error(0x40))
    counters.count_error(error(0x40))
    counters.count_error(error(0x100))
    counters.count_error(error(0x4, "0001"))
    assert (counters.error_frames, counters.bus_off, counters.restarts) == (5, 1, 1)
    assert counters.rx_overruns == 1
    assert counters.state == "error-active"
    assert counters.last_error == "controller: its receive buffer overflowed"


def test_complaints() -> None:
    counters = LinkCounters()
    assert counters.complaints() == []
    counters.count_error(error(0x88, "0000 0408"))
    counters.sent = 10
    assert counters.complaints() == [
        "only error frames come (1, the last: stuff error in the CRC): is the bit rate right, "
        "and is the bus terminated?",
        "nothing that was sent came back: does anybody acknowledge?",
    ]
    counters.received = counters.own_echoes = 10
    counters.rx_overruns, counters.tx_full, counters.garbage, counters.clock_jumps = 1, 2, 3, 4
    counters.state = "bus-off"
    assert counters.complaints() == [
        "the controller is off the bus",
        "1 error frames",
        "1 frames were lost before they could be read",
        "2 frames found no room to be sent",
        "3 times what came made no sense",
        "4 times the computer's clock was set",
    ]


@pytest.mark.parametrize(
    ("interface", "options", "message"),
    [
        ("sim", {}, "exists in virtual time only"),
        ("socketcan", {"colour": "red"}, "does not take these options.*colour"),
        ("slcan", {"baud": 1}, "does not take these options.*baud"),
        ("pigeon", {}, "python-can has no interface 'pigeon'"),
    ],
)
def test_mistakes_in_a_rig_file(interface: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(RigFileError, match=message):
        open_link("pack", interface, "channel", 500_000, **options)


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(BusError, match="no such serial port"):
        open_link("pack", "slcan", "/dev/no-such-port", 500_000)
