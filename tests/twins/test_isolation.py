"""Isolation: what a monitor sees of a leak, and what two of them draw."""

from typing import Any

import pytest

from tests.twins.conftest import charge_given
from twins.isolation import Isolation

MS = 1_000_000
S = 1_000_000_000


def test_a_leak_is_beside_the_sound_isolation() -> None:
    isolation = Isolation(2e6)
    assert isolation.seen_Ohm == pytest.approx((2e6, 2e6))
    isolation.leak("plus", 50e3)
    assert isolation.seen_Ohm == pytest.approx((50e3, 2e6))
    assert isolation.chassis_share == pytest.approx(2e6 / 2.05e6)  # drawn towards plus
    assert isolation.across_S == pytest.approx(1.0 / 2.05e6)
    isolation.leak("plus", None)
    assert not isolation.leaks
    assert isolation.across_S == 0.0


def test_a_leak_of_the_link_is_seen_through_closed_contacts_only(world: Any) -> None:
    world.plant.leak("plus", 30e3, "link")
    assert world["isolation.plus"] == pytest.approx(2e6)
    world.command("precharge", True)
    world.run(40 * MS)
    assert world["isolation.plus"] == pytest.approx(30e3)
    world.command("precharge", False)
    world.run(40 * MS)
    assert world["isolation.plus"] == pytest.approx(2e6)


def test_leaks_of_both_sides_are_parallel(world: Any) -> None:
    world.plant.leak("minus", 100e3)
    world.plant.leak("minus", 100e3, "link")
    world.command("main_minus", True)
    world.run(40 * MS)
    leak = 2.0 * (1.0 / 100e3 - 1.0 / 2e6) + 1.0 / 2e6
    assert world["isolation.minus"] == pytest.approx(1.0 / leak)


def test_a_leak_between_cells_looks_like_one_at_each_pole_by_its_voltage(world: Any) -> None:
    world.plant.leak_inside(5, 20e3)  # after 4 of 16 cells
    leak = 1.0 / 20e3 - 1.0 / 2e6
    assert world["isolation.plus"] == pytest.approx(1.0 / (1.0 / 2e6 + 0.25 * leak))
    assert world["isolation.minus"] == pytest.approx(1.0 / (1.0 / 2e6 + 0.75 * leak))
    # the chassis' potential by Kirchhoff: half by the sound isolation, a quarter by the leak
    pack = world["pack.voltage"]
    share = (0.5e-6 + 0.25 * leak) / (1e-6 + leak)
    assert world["chassis.voltage"] == pytest.approx(share * pack)
    world.plant.leak_inside(5, None)
    assert world["isolation.plus"] == pytest.approx(2e6)


def test_two_leaks_discharge_the_pack_through_the_chassis(world: Any) -> None:
    world.plant.leak("plus", 100.0)
    world.plant.leak("minus", 100.0)
    world.run(100 * S)
    current = world["pack.terminal_voltage"] / 200.0
    assert world["pack.current"] == pytest.approx(current, rel=1e-9)
    assert world["chassis.current"] == pytest.approx(current, rel=1e-9)
    gone = charge_given(world.plant.pack)
    assert gone == pytest.approx(100.0 * current, rel=1e-2)
    assert world.plant.charge_As == pytest.approx(gone, rel=1e-9)


def test_two_dead_shorts_are_a_short_of_the_pack_that_the_fuse_ends(make_world: Any) -> None:
    from twins.config import FuseConfig

    world = make_world(fuse=FuseConfig(rated_A=100.0, melting_A2s=2e3))
    world.plant.leak("plus", 0.0)
    world.plant.leak("minus", 0.0)
    assert world["isolation.plus"] == world["isolation.minus"] == 0.0
    assert world["pack.current"] > 1000.0
    world.run(S)
    assert world["fuse.blown"] == 1.0


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda plant: plant.leak("both", 1.0), "no pole 'both': plus, minus"),
        (lambda plant: plant.leak("plus", 1.0, "chassis"), "no side 'chassis': pack, link"),
        (lambda plant: plant.leak("plus", 3e6), "between 0 and 2e.06 Ohm"),
        (lambda plant: plant.leak("plus", float("nan")), "not nan"),
        (lambda plant: plant.leak_inside(18, 1e3), "no tap 18: they are numbered 1 to 17"),
    ],
)
def test_a_leak_that_cannot_be(world: Any, act: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        act(world.plant)
