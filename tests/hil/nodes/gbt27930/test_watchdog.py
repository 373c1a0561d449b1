"""A station's power stage is its own: it is not without a command while the station has nothing to give."""

from __future__ import annotations

import pytest

from hil.rig.load import load_rig
from tests.hil.scripted import scripted_world

S = 1_000_000_000


@pytest.mark.parametrize("waits_s", [1, 9])
def test_a_station_that_waits_does_not_say_that_it_hears_nothing(waits_s: int) -> None:
    """A BMS that begins to charge just then took it for a broken charger."""
    world = scripted_world(load_rig("truck"))
    world.power_on()
    world.run_until(waits_s * S)
    world.set("charger.plugged", 1.0)
    world.run_until((waits_s + 1) * S)  # in its handshake
    assert world.port("charger.communication_timeout").value == 0.0
    world.run_until((waits_s + 9) * S)
    assert world.port("charger.communication_timeout").value == 0.0
