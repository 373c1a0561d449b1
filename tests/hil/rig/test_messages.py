"""The messages of a rig as a test asks for them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hil.bus.open import open_medium
from hil.clock import VirtualClock
from hil.errors import UsageError
from hil.host.world import World
from hil.rig.load import load_rig
from hil.rig.messages import Messages
from tests.hil.scripted import ScriptedBms

CELLS, TURNS = "BMS_CellVoltages", 3


@pytest.fixture
def messages(laptop) -> tuple[Messages, World]:
    """Of a BMS that shows its groups 0 to 9 in turn, one each 50 ms, and no others."""
    layout = laptop.buses["pack"].database.messages[CELLS]
    protector = layout.e2e.protector()
    lines = []
    for k in range(10 * TURNS):
        data = layout.encode([float(k % 10 * s.is_multiplexer) for s in layout.signals.values()])
        protector.protect(data)
        lines.append((50.0 * k, bytes(data)))
    clock = VirtualClock(0)
    media = {name: open_medium(name, bus, clock, 1) for name, bus in laptop.buses.items()}
    world = World(laptop, clock, media, ScriptedBms(clock, lines, layout.id), None, 1)
    world.power_on()
    return Messages(laptop, world), world


def test_groups_by_multiplexor(messages):
    asked, world = messages
    world.run_until(2_000_000_000)
    groups = asked.groups(CELLS)
    assert len(groups) == 32
    assert [len(groups[group]) for group in (0, 9, 10, 31)] == [TURNS, TURNS, 0, 0]
    gaps_ms = [(b - a) / 1e6 for a, b in pairwise(groups[3])]
    assert gaps_ms == pytest.approx([500.0] * (TURNS - 1), abs=1.0)  # others may be on the bus
    assert len(asked.groups(CELLS, groups[0][0])[0]) == TURNS - 1


def test_a_message_without_multiplexor_has_no_groups(messages):
    assert messages[0].groups("BMS_Status") == {}


def test_a_message_that_is_not_there(messages):
    with pytest.raises(UsageError, match="no DBC file has a message 'BMS_CellVoltage'"):
        messages[0].groups("BMS_CellVoltage")


def test_where_a_port_is_sent(messages):
    assert messages[0].place_of("cell_monitor.voltage[5]") == ("CM_Voltages_02", "Cell005")


def test_lengths_that_a_frame_could_have_but_for_being_too_short_or_too_long(messages):
    asked, _ = messages
    assert asked.shorter(CELLS) == list(range(8))
    assert asked.longer(CELLS) == []  # a classic frame has no more than 8 bytes
    fd = Messages(load_rig("fd"), asked._host)
    longest = max(load_rig("fd").buses["pack"].database.messages.values(), key=lambda layout: layout.length)
    assert longest.length == 64
    assert fd.shorter(longest.name)[-3:] == [24, 32, 48]
    assert fd.longer(longest.name) == []
    assert fd.longer("PDU_Voltages") == [16, 20, 24, 32, 48, 64]
    assert Messages(load_rig("storage"), asked._host).longer("EMS_Command")[-1:] == [8]
