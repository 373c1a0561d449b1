"""Faults of the high-voltage circuit and of the supply, on a rig that has fuse, loads and supply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.errors import NotOfferedError
from hil.faults.catalogue import make_fault
from hil.host.inline import InlineHost
from hil.host.world import World
from hil.rig.schema import RigConfig
from tests.hil.scripted import scripted_world
from twins.config import ContactorConfig, FuseConfig, SupplyConfig

MS = 1_000_000
S = 1_000_000_000


@pytest.fixture
def equipped(laptop: RigConfig) -> RigConfig:
    contactor = ContactorConfig(pull_in_V=8.0, drop_out_V=2.0)
    fuse, supply = FuseConfig(400.0, 40e3), SupplyConfig(hold_up_ns=20 * MS)
    plant = replace(laptop.plant, contactor=contactor, fuse=fuse, supply=supply)
    return replace(laptop, plant=plant)


@pytest.fixture
def world(equipped: RigConfig) -> Iterator[World]:
    world = scripted_world(equipped)
    world.power_on()
    return world


def run(world: World, duration_ns: int) -> None:
    world.run_until(world.now_ns + duration_ns)


def command(world: World, **closed: int) -> None:
    for name, value in closed.items():
        world.plant.ports[f"contactor.{name}.command"].write(float(value))
    run(world, 100 * MS)


def test_only_the_fuse_ends_a_short_of_the_pack(world: World) -> None:
    fault = make_fault("pack.short", {"resistance": 0.005})
    world.inject(fault)
    assert world.read("pack.current") > 3000.0
    run(world, S)
    assert world.read("fuse.blown") == 1.0
    world.clear(fault)
    assert world.read("pack.terminal_voltage") == 0.0  # it stays blown
    blown = make_fault("fuse.blown", {})
    world.inject(blown)
    world.clear(blown)  # a new one
    assert world.read("pack.terminal_voltage") == pytest.approx(world.read("pack.voltage"))


def test_a_slow_contactor(world: World) -> None:
    fault = make_fault("contactor.slow", {"contactor": "main_plus", "closing": "150 ms"})
    world.inject(fault)
    command(world, main_plus=1)
    assert world.read("contactor.main_plus.feedback") == 0.0
    run(world, 60 * MS)
    assert world.read("contactor.main_plus.feedback") == 1.0
    world.clear(fault)
    command(world, main_plus=0)
    command(world, main_plus=1)
    assert world.read("contactor.main_plus.feedback") == 1.0


def test_bouncing_contacts(world: World) -> None:
    world.inject(make_fault("contactor.bounce", {"contactor": "main_minus", "times": 3}))
    seen = []
    world.plant.ports["contactor.main_minus.command"].write(1.0)
    for _ in range(80):
        run(world, MS // 2)
        seen.append(world.read("contactor.main_minus.feedback"))
    assert sum(now < before for before, now in pairwise(seen)) == 3
    assert seen[-1] == 1.0


def test_a_hot_resistor_burns_out_sooner(world: World) -> None:
    world.inject(make_fault("precharge.hot", {"temperature": 390.0}))
    world.inject(make_fault("link.short", {"resistance": 1.0}))
    command(world, main_minus=1, precharge=1)
    run(world, S)
    assert world.read("precharge.burnt") == 1.0
    assert world.read("pack.current") == 0.0


def test_a_leak_inside_shows_at_both_poles(world: World) -> None:
    fault = make_fault("isolation.inside", {"tap": 49, "value": 30e3})
    world.inject(fault)
    both = [world.read(f"isolation.{pole}") for pole in ("plus", "minus")]
    assert both[0] == pytest.approx(both[1])
    assert both[0] == pytest.approx(60e3, rel=0.02)
    world.clear(fault)
    assert world.read("isolation.plus") == pytest.approx(2e6)


def test_a_leak_of_the_link_is_seen_once_the_contacts_close(world: World) -> None:
    world.inject(make_fault("isolation", {"pole": "minus", "value": 20e3, "side": "link"}))
    assert world.read("isolation.minus") == pytest.approx(2e6)
    command(world, main_minus=1)
    assert world.read("isolation.minus") == pytest.approx(20e3)


def test_a_dip_lets_contactors_fall_and_comes_back(world: World) -> None:
    command(world, main_minus=1)
    fault = make_fault("supply.dip", {"value": 1.0, "lasts": "18 ms"})  # the BMS lives through it
    world.inject(fault)
    run(world, 16 * MS)
    assert world.read("contactor.main_minus.feedback") == 0.0
    run(world, 100 * MS)
    assert world.read("supply.voltage") == 13.5
    assert world.read("contactor.main_minus.feedback") == 1.0
    assert world.read("supply.bms_on") == 1.0
    world.clear(fault)


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("fuse.blown", {}),
        ("supply.voltage", {"value": 5.0}),
        ("supply.dip", {"value": 5.0}),
        ("supply.cranking", {}),
        ("supply.power_cycle", {}),
        ("supply.brown_out", {"lowest": 5.0}),
    ],
)
def test_what_the_rig_does_not_have_skips_the_test(laptop: RigConfig, fault: str, arguments: dict) -> None:
    bare = replace(laptop, plant=replace(laptop.plant, fuse=None, supply=None))
    with pytest.raises(NotOfferedError, match=r"the rig file has no section \[(fuse|supply)\]"):
        scripted_world(bare).inject(make_fault(fault, arguments))


# --- inside the pack ------------------------------------------------------------------------------


@pytest.fixture
def wide(laptop: RigConfig) -> World:
    """Two strings of cells in pairs, connected, with 40 A flowing."""
    pack = replace(laptop.plant.pack, strings=2, series=48, parallel=2, soc_spread=0.0, resistance_spread=0.0)
    world = scripted_world(replace(laptop, plant=replace(laptop.plant, pack=pack)))
    world.power_on()
    command(world, main_minus=1, precharge=1)
    run(world, 2 * S)
    command(world, main_plus=1, precharge=0)
    world.set("drive.enable", 1.0)
    world.set("drive.current_request", 40.0)
    run(world, S)
    return world


def strings(world: World) -> list[float]:
    world.plant.pack.current_A = world.read("pack.current")
    return [float(x) for x in world.plant.pack.string_currents()]


def test_a_string_that_is_open_leaves_all_to_the_other(wide: World) -> None:
    assert strings(wide) == pytest.approx([20.0, 20.0], rel=1e-2)
    fault = make_fault("string.open", {"string": 2})
    wide.inject(fault)
    run(wide, 50 * MS)
    assert strings(wide) == pytest.approx([40.0, 0.0], rel=1e-3, abs=1e-3)
    wide.clear(fault)
    run(wide, 50 * MS)
    assert strings(wide)[1] > 5.0


def test_an_open_weld_leaves_all_to_its_neighbour_and_two_of_them_open_the_string(wide: World) -> None:
    first = make_fault("cell.open", {"cell": 7, "branch": 1})
    wide.inject(first)
    run(wide, 50 * MS)
    wide.plant.pack.current_A = wide.read("pack.current")
    currents = wide.plant.pack.cell_currents()
    assert abs(currents[wide.plant.cell_number(7, 1)]) < 1e-3
    assert currents[wide.plant.cell_number(7, 2)] == pytest.approx(strings(wide)[0], rel=1e-3)
    wide.inject(make_fault("cell.open", {"cell": 7, "branch": 2}))
    run(wide, 50 * MS)
    assert strings(wide) == pytest.approx([0.0, 40.0], rel=1e-3, abs=1e-3)


def test_an_open_joint_in_each_string_opens_the_pack_and_the_drive_trips(wide: World) -> None:
    faults = [make_fault("cell.joint", {"cell": cell, "resistance": 1e9}) for cell in (3, 60)]
    for fault in faults:
        wide.inject(fault)
    run(wide, S)
    assert wide.read("pack.current") == pytest.approx(0.0, abs=1e-3)
    assert wide.read("drive.state") == 3.0  # fault: its link has gone
    for fault in faults:
        wide.clear(fault)
    run(wide, S)
    assert wide.read("link.voltage") == pytest.approx(wide.read("pack.voltage"), rel=1e-2)


def test_an_internal_short_discharges_and_warms_its_cell(wide: World) -> None:
    wide.set("drive.current_request", 0.0)
    fault = make_fault("cell.short", {"cell": 5, "resistance": 0.05})
    wide.inject(fault)
    run(wide, 60 * S)
    assert wide.read("pack.cell_soc[5]") < wide.read("pack.cell_soc[6]") - 1e-3
    assert wide.read("pack.cell_temperature[5]") > wide.read("pack.cell_temperature[6]") + 0.05
    wide.clear(fault)


def test_a_stuck_balancer_does_not_hear(wide: World) -> None:
    fault = make_fault("balancer.stuck", {"cell": 9, "mode": "on"})
    wide.inject(fault)
    assert wide.plant.pack.balance[8] == 1.0
    wide.clear(fault)
    assert wide.plant.pack.balance[8] == 0.0
    wide.inject(make_fault("balancer.stuck", {"cell": 9, "mode": "off"}))
    wide.plant.ports["cell_monitor.balance[9]"].write(1.0)
    wide.plant.ports["cell_monitor.balance[10]"].write(1.0)
    run(wide, 200 * MS)
    assert list(wide.plant.pack.balance[8:10]) == [0.0, 1.0]


def test_a_dip_is_not_repeated_when_a_fault_before_it_ends(world: World) -> None:
    """Nor is it cut short: the later one counts until its own end."""
    low = make_fault("supply.voltage", {"value": 11.0})
    world.inject(low, 200 * MS)
    run(world, 100 * MS)
    dip = make_fault("supply.dip", {"value": 0.0, "lasts": "10 ms"})
    world.inject(dip)
    run(world, 9 * MS)
    assert world.read("supply.voltage") == 0.0
    seen = []
    for _ in range(150):
        run(world, MS)
        seen.append(world.read("supply.voltage"))
    assert set(seen[1:]) == {13.5}
    world.clear(dip)
    assert world.read("supply.voltage") == 13.5


def test_a_fault_that_ends_in_the_middle_of_a_later_one_changes_nothing(world: World) -> None:
    low = make_fault("supply.voltage", {"value": 11.0})
    world.inject(low)
    world.inject(make_fault("supply.dip", {"value": 2.0, "lasts": "50 ms"}))
    run(world, 40 * MS)
    world.clear(low)
    assert world.read("supply.voltage") == 2.0
    run(world, 11 * MS)
    assert world.read("supply.voltage") == 13.5


def test_a_dip_that_has_passed_is_not_begun_anew_when_a_later_fault_ends(world: World) -> None:
    world.inject(make_fault("supply.dip", {"value": 0.0, "lasts": "10 ms"}))
    run(world, 100 * MS)
    low = make_fault("supply.voltage", {"value": 11.0})
    world.inject(low)
    run(world, 100 * MS)
    assert world.read("supply.voltage") == 11.0
    world.clear(low)
    assert world.read("supply.voltage") == 13.5
    run(world, 5 * MS)
    assert world.read("supply.voltage") == 13.5


def test_a_power_cycle_ends_when_it_would_have_whatever_came_between(world: World) -> None:
    world.inject(make_fault("supply.power_cycle", {"off": "300 ms"}))
    run(world, 100 * MS)
    world.inject(make_fault("supply.voltage", {"value": 11.0}), 100 * MS)
    run(world, 101 * MS)
    assert world.read("supply.voltage") == 0.0
    run(world, 98 * MS)
    assert world.read("supply.voltage") == 0.0
    run(world, 2 * MS)
    assert world.read("supply.voltage") == 13.5


# --- the reference BMS on a failing supply --------------------------------------------------------


@pytest.fixture
def driving(equipped: RigConfig) -> Iterator[InlineHost]:
    host = InlineHost(equipped, Firmware(equipped.bms.firmware), Heartbeat(None), None, 1, 0)
    host.power_on()
    run(host, S)
    host.send("mode", equipped.requests["mode"].value_of("operate"))
    run(host, 3 * S)
    assert host.read("contactor.main_plus.feedback") == 1.0
    yield host
    host.stop()


def frames_of(host: InlineHost, since_ns: int) -> int:
    return len(host.arrivals("BMS_Status", since_ns))


def test_a_brown_out_restarts_the_bms_and_opens_the_contactors(driving: InlineHost) -> None:
    fault = make_fault("supply.voltage", {"value": 5.0})
    driving.inject(fault)
    run(driving, 50 * MS)
    assert driving.read("supply.bms_on") == 0.0
    assert driving.read("contactor.main_plus.feedback") == 0.0
    silent_ns = driving.now_ns
    run(driving, S)
    assert frames_of(driving, silent_ns) == 0
    driving.clear(fault)
    back_ns = driving.now_ns
    run(driving, 500 * MS)
    assert driving.read("supply.bms_on") == 1.0
    assert frames_of(driving, back_ns) > 0


def test_a_dip_shorter_than_the_hold_up_is_not_noticed(driving: InlineHost) -> None:
    since_ns = driving.now_ns
    driving.inject(make_fault("supply.dip", {"value": 4.0, "lasts": "15 ms"}))
    run(driving, S)
    assert driving.read("contactor.main_plus.feedback") == 1.0
    assert frames_of(driving, since_ns) > 5


def test_deep_cranking_restarts_it_and_mild_cranking_does_not(driving: InlineHost) -> None:
    driving.inject(make_fault("supply.cranking", {"lowest": 6.2, "plateau": 8.0, "lasts": "1 s"}))
    run(driving, 2 * S)
    assert driving.read("contactor.main_plus.feedback") == 1.0
    driving.inject(make_fault("supply.cranking", {"lowest": 3.0, "plateau": 6.5, "lasts": "1 s"}))
    run(driving, 500 * MS)
    assert driving.read("supply.bms_on") == 0.0  # below restart, although above brown-out
    run(driving, S)
    assert driving.read("supply.bms_on") == 1.0


def test_a_power_cycle_restarts_the_bms(driving: InlineHost) -> None:
    fault = make_fault("supply.power_cycle", {"off": "500 ms"})
    driving.inject(fault)
    run(driving, 100 * MS)
    assert driving.read("supply.bms_on") == 0.0
    silent_ns = driving.now_ns
    run(driving, 399 * MS)
    assert frames_of(driving, silent_ns) == 0
    run(driving, S)
    assert driving.read("supply.voltage") == 13.5
    assert frames_of(driving, silent_ns) > 0
    driving.clear(fault)
    assert driving.read("contactor.main_plus.feedback") == 0.0


def test_a_slow_brown_out_goes_through_both_levels_once(driving: InlineHost) -> None:
    config = driving.plant.supply.config
    fault = make_fault("supply.brown_out", {"lowest": 3.5, "falls": "1 s", "stays": "200 ms", "rises": "2 s"})
    driving.inject(fault)
    seen = []
    for _ in range(40):
        run(driving, 100 * MS)
        seen.append((driving.read("supply.voltage"), driving.read("supply.bms_on")))
    assert min(volts for volts, _ in seen) == pytest.approx(3.5, abs=0.01)
    assert seen[-1] == (13.5, 1.0)
    switched = [k for k, (before, after) in enumerate(pairwise(seen)) if before[1] != after[1]]
    assert len(switched) == 2  # off once and on once
    off, on = (seen[k + 1][0] for k in switched)
    assert off < config.brown_out_V
    assert on >= config.restart_V
