"""The whole plant: precharge on the clock, conservation, forks, seeds."""

from math import exp, isfinite
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from twins.config import PackConfig, PlantConfig
from twins.pack import Pack
from twins.plant import Plant

MS = 1_000_000
S = 1_000_000_000
CHARGE = 160.0 * 3600.0  # of one cell, in As

PORTS = """
cell_monitor.voltage[1] cell_monitor.voltage[16] cell_monitor.temperature[16] cell_monitor.balance[16]
cell_monitor.state cell_monitor.open_wire cell_monitor.open_wire_tap cell_monitor.balancing_cells
cell_monitor.board_temperature current_sensor.current current_sensor.voltage_pack
current_sensor.voltage_link current_sensor.temperature current_sensor.channel_error
current_sensor.over_current contactor.main_plus.command contactor.main_plus.feedback
contactor.main_minus.command contactor.precharge.feedback interlock.closed isolation.plus
isolation.minus isolation.valid charger.plugged charger.voltage_max charger.current_max
charger.control charger.voltage charger.current charger.hardware_failure charger.over_temperature
charger.input_voltage_wrong charger.no_battery charger.communication_timeout drive.enable
drive.torque_request drive.speed_request drive.current_request drive.state drive.torque drive.speed
drive.dc_current drive.dc_voltage drive.motor_temperature drive.inverter_temperature pack.voltage
pack.current pack.soc pack.soc_min pack.soc_max pack.cell_voltage[16] pack.cell_soc[16]
pack.temperature link.voltage ambient.temperature
"""


def measured(plant: Plant) -> list[float]:
    """All ports, so that two worlds can be compared; NaN compares by its text."""
    return [port.value for port in plant.ports.values()]


def _given(pack: Pack) -> float:
    """What each cell of a half full pack has given through its terminals, in As."""
    books = pack.books()
    return 0.5 * CHARGE - (books.charge_As + books.lost_As) / pack.cells


@pytest.mark.parametrize("name", PORTS.split())
def test_it_has_the_port(world: Any, name: str) -> None:
    port = world.plant.ports[name]
    assert port.name == name
    assert port.minimum < port.maximum
    assert isinstance(port.values[port.index], float)
    if name != "drive.current_request":  # NaN until a bench load is asked for
        assert port.minimum <= port.value <= port.maximum


def test_precharge_in_the_plant_is_exact_from_the_instant_of_closing(world: Any) -> None:
    emf, resistance = world.plant.pack.emf_V, world.plant.pack.resistance_Ohm
    world.run(7 * MS)  # off the plant's grid: the contacts touch between two steps
    world.command("main_minus", True)
    world.run(40 * MS)
    world.command("precharge", True)
    world.run(30 * MS + 453 * MS)  # 453 ms after the contacts touch: a step of the plant
    path = resistance + 50.0 + 2 * 0.2e-3
    settled = emf / (1 + path / 20e3)
    tau = 3e-3 / (1 / path + 1 / 20e3)
    assert world["link.voltage"] == pytest.approx(settled * (1 - exp(-0.453 / tau)), rel=1e-5)
    assert world["link.voltage"] / emf == pytest.approx(0.95, abs=0.003)


def test_a_burnt_resistor_charges_nothing_and_a_short_holds_the_link_down(world: Any) -> None:
    world.plant.circuit.set_precharge_open(True)
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(S)
    assert world["link.voltage"] == 0.0
    world.plant.circuit.set_precharge_open(False)
    world.plant.circuit.set_link_short(0.1)
    world.run(S)
    assert world["link.voltage"] < 0.01 * world["pack.voltage"]
    assert world["pack.current"] == pytest.approx(world["pack.voltage"] / 50.1, rel=1e-3)


def test_a_short_between_two_steps_takes_effect_at_its_instant(world: Any) -> None:
    world.connect()
    world.run(3 * MS)
    before = world.plant.charge_As
    world.plant.circuit.set_link_short(1.0)
    world.run(7 * MS)
    resistance = world.plant.pack.resistance_Ohm + 0.4e-3
    expected = world.plant.pack.emf_V / (resistance + 1.0)
    assert world["pack.current"] == pytest.approx(expected, rel=1e-2)
    drawn = world.plant.charge_As - before
    assert drawn == pytest.approx(7e-3 * expected, rel=2e-2)


def test_the_charge_given_is_the_change_of_state_of_charge(world: Any) -> None:
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.torque_request"] = 15.0
    world.run(20 * S + 3 * MS)
    world["drive.torque_request"] = -15.0
    world.run(10 * S)
    gone = _given(world.plant.pack)
    assert world.plant.charge_As == pytest.approx(gone, rel=1e-9)


def test_precharge_takes_from_the_cells_what_the_link_holds(world: Any) -> None:
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(S)
    gone = _given(world.plant.pack)
    bled = 1.0 * world["link.voltage"] / 20e3
    assert gone == pytest.approx(3e-3 * world["link.voltage"], abs=bled)
    assert gone == pytest.approx(world.plant.charge_As, rel=1e-6)


def test_settable_truth(world: Any) -> None:
    world["pack.soc"] = 0.8
    assert world["pack.soc"] == pytest.approx(0.8)
    world["pack.cell_soc[5]"] = 0.2
    assert world["pack.soc_min"] == pytest.approx(0.2)
    assert world["pack.soc_max"] == pytest.approx(0.8)
    assert world["pack.cell_voltage[5]"] < world["pack.cell_voltage[6]"]
    world["pack.temperature"] = 40.0
    assert world["pack.temperature"] == pytest.approx(40.0)
    world["ambient.temperature"] = -10.0
    world.run(20 * S)
    assert world["pack.temperature"] < 40.0


def test_the_safe_state_is_off(world: Any) -> None:
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.current_request"] = 50.0
    world["cell_monitor.balance[1]"] = 1.0
    world.run(100 * MS)
    world.plant.safe()
    world.run(100 * MS)
    assert world["drive.enable"] == world["drive.torque_request"] == world["drive.dc_current"] == 0.0
    assert world["charger.control"] == 1.0
    assert world["cell_monitor.balancing_cells"] == 0.0


def stir(world: Any) -> None:
    """Let much be under way: a precharge, a contactor moving, balancing, faults, a charger waiting."""
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.torque_request"] = 20.0
    world["cell_monitor.balance[2]"] = 1.0
    world["charger.plugged"] = 1.0
    world["charger.control"] = 0.0
    world.run(163 * MS)
    world.plant.cell_monitor.open_tap(3)
    world.plant.ports["cell_monitor.temperature[1]"].force(70.0)
    world.command("main_plus", False)
    world.run(4 * MS)


def watch(world: Any) -> str:
    seen = []
    for _ in range(60):
        world.run(37 * MS)
        seen.append(measured(world.plant))
    return repr(seen)


def test_a_restored_world_goes_on_exactly_as_the_saved_one(make_world: Any) -> None:
    world = make_world()
    stir(world)
    saved = world.plant.save()
    expected = watch(world)
    world.plant.reset(99)
    world.run(13 * MS)
    world.plant.restore(saved)
    assert watch(world) == expected
    other = make_world()
    other.plant.restore(saved)
    assert watch(other) == expected


def test_saving_changes_nothing(make_world: Any) -> None:
    worlds = make_world(), make_world()
    for world in worlds:
        stir(world)
    worlds[0].plant.save()
    assert watch(worlds[0]) == watch(worlds[1])


def test_the_state_of_another_plant_is_refused(make_world: Any) -> None:
    saved = make_world().plant.save()
    with pytest.raises(ValueError, match="another plant"):
        make_world(pack=PackConfig("winston-lyp-160", series=4)).plant.restore(saved)


def test_the_seed_decides_the_noise_and_nothing_else(world: Any) -> None:
    def run(seed: int) -> tuple[str, float]:
        world.plant.reset(seed)
        stir(world)
        return watch(world), world["pack.soc"]

    first, again, other = run(1), run(1), run(2)
    assert first == again
    assert first[0] != other[0]
    assert first[1] == other[1]


def test_after_a_reset_all_is_as_new(make_world: Any) -> None:
    used, new = make_world(), make_world()
    stir(used)
    used.plant.contactors["precharge"].weld(True)
    used.plant.circuit.set_link_short(1.0)
    used.plant.charger.fail("overshoot")
    used.plant.leak("plus", 1e3)
    used["ambient.temperature"] = 0.0
    used.plant.reset(5)
    new.plant.reset(5)
    assert watch(used) == watch(new)


def test_the_sum_of_the_cells_is_the_pack(world: Any) -> None:
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.current_request"] = 100.0
    world.run(S)
    cells = [world[f"pack.cell_voltage[{k}]"] for k in range(1, 17)]
    assert sum(cells) == pytest.approx(world["pack.voltage"], rel=1e-9)


acts = st.one_of(
    st.tuples(st.just("contactor.main_plus.command"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("contactor.main_minus.command"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("contactor.precharge.command"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("drive.enable"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("drive.torque_request"), st.floats(-900, 900)),
    st.tuples(st.just("drive.current_request"), st.floats(-600, 600)),
    st.tuples(st.just("charger.current_max"), st.floats(0, 200)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(acts, st.integers(1, 90)), max_size=12))
def test_whatever_is_commanded_nothing_runs_away_and_charge_is_kept(
    script: list[tuple[tuple[str, float], int]],
) -> None:
    env = simpy.Environment(initial_time=0)
    plant = Plant(env, PlantConfig(PackConfig("winston-lyp-160", series=4, soc=0.5)))
    for name, value in (("charger.plugged", 1), ("charger.voltage_max", 14), ("charger.control", 0)):
        plant.ports[name].write(value)
    for (name, value), milliseconds in script:
        plant.ports[name].write(value)
        env.run(until=env.now + milliseconds * MS + 12_345)
    env.run(until=env.now + S)
    gone = _given(plant.pack)
    assert plant.charge_As == pytest.approx(gone, rel=1e-6, abs=1e-6)
    assert -1e-9 <= plant.circuit.link_V < 500.0
    assert isfinite(plant.circuit.pack_A)
    if not plant.circuit.connected:
        assert plant.circuit.pack_A == 0.0


def test_steps_are_on_an_absolute_grid(world: Any) -> None:
    world.connect()
    instants = []
    shown = world.plant.ports["current_sensor.current"]
    before = shown.value
    for _ in range(5000):
        world.run(MS // 10)
        if shown.value != before:
            before = shown.value
            instants.append(int(world.env.now))
    assert len(instants) > 45
    assert all(instant % (10 * MS) == 0 for instant in instants)


def test_the_truth_is_plain_numbers(world: Any) -> None:
    assert not any(isinstance(value, np.generic) for value in measured(world.plant))
