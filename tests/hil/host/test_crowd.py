"""Who fills a bus: the BMS only if it is its frames, and more of them than it is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.bus.frame import ErrorFrame, Frame
from hil.host.crowd import crowd_of

if TYPE_CHECKING:
    from hil.rig.schema import RigConfig

S = 1_000_000_000


def traffic(sender: str, per_s: int, identifier: int = 0, *, extended: bool = False) -> list[Frame]:
    """A second of frames of eight bytes, some 0.23 ms each."""
    made = []
    for number in range(per_s):
        frame = Frame(identifier, bytes(range(8)), extended, sender)
        frame.t_ns = (number + 1) * S // per_s
        frame.start_ns = frame.t_ns - 230_000
        made.append(frame)
    return made


def crowd(small: RigConfig, *flows: list[Frame], bms: str = "BMS") -> str:
    frames = sorted((f for flow in flows for f in flow), key=lambda frame: frame.t_ns)
    return str(crowd_of(small.buses["can0"], bms, frames, S) or "")


@pytest.mark.parametrize("sender", ["bms", ""])
def test_the_bms_in_virtual_time_and_on_a_real_bus(small, sender):
    assert crowd(small, traffic(sender, 4_200)) == (
        "the BMS's messages take 100 % of bus 'can0' (0x000: 4,200 frames/s)"
    )


@pytest.mark.parametrize("sender", ["rig", "babbling", "load", "intruder"])
def test_the_rig_and_its_faults(small, sender):
    assert not crowd(small, traffic(sender, 4_200))
    assert not crowd(small, traffic(sender, 4_000), traffic("bms", 200, 256))


def test_another_rig_on_a_real_bus(small):
    """Frames that are the rig's by the DBC files and come from others: from whom, nobody knows."""
    assert not crowd(small, traffic("", 4_200, 513))
    assert not crowd(small, traffic("", 3_000, 513), traffic("", 1_200, 256))
    assert "0x100 BMS_Status: 3,000" in crowd(small, traffic("", 1_200, 513), traffic("", 3_000, 256))
    assert "0x201 " in crowd(small, traffic("bms", 4_200, 513))


def test_the_share_is_of_the_time_on_the_wire(small):
    assert " take 96 % of bus " in crowd(small, traffic("bms", 3_900))


def test_a_bus_that_has_room(small):
    assert not crowd(small)
    assert not crowd(small, traffic("bms", 3_000))
    assert not crowd(small, traffic("bms", 1_500), traffic("rig", 1_000))


def test_what_the_rig_adds_makes_it_full(small):
    said = crowd(small, traffic("bms", 2_800, 256), traffic("rig", 1_400, 513))
    assert said.endswith("of bus 'can0' (0x100 BMS_Status: 2,800 frames/s)")


def test_an_identifier_of_29_bits(small):
    assert "(0x18FF0017: 4,000 frames/s)" in crowd(small, traffic("bms", 4_000, 0x18FF0017, extended=True))


def test_what_the_dbc_files_give_the_bms_is_not_too_much(small):
    """A bus that is too slow for its messages is the rig file's doing."""
    bus = small.buses["can0"]
    busy = replace(bus.database.messages["BMS_Status"], cycle_ns=S // 3_000)
    database = replace(bus.database, messages={**bus.database.messages, "BMS_Status": busy})
    frames = traffic("bms", 3_000, 256) + traffic("rig", 1_200, 513)
    frames.sort(key=lambda frame: frame.t_ns)
    assert crowd_of(bus, "BMS", frames, S) is not None
    assert crowd_of(replace(bus, database=database), "BMS", frames, S) is None


def test_error_frames_are_nobodys_messages(small):
    wrecks = [ErrorFrame(frame, "bit", 5, 2) for frame in traffic("bms", 4_200)]
    assert not crowd(small, wrecks)
