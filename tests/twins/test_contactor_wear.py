"""What wears contactors: bounce, arcs, inrush that welds, a supply too low to hold them."""

from typing import Any

import pytest

from twins.config import ContactorConfig, LinkConfig, LoadConfig, SupplyConfig

US = 1_000
MS = 1_000_000
S = 1_000_000_000


def feedback(world: Any, name: str = "main_plus") -> float:
    return float(world[f"contactor.{name}.feedback"])


def positions(world: Any, steps: int, each_ns: int) -> list[float]:
    seen = []
    for _ in range(steps):
        world.run(each_ns)
        seen.append(feedback(world))
    return seen


def test_contacts_bounce_as_often_and_as_long_as_configured(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(bounces=2, bounce_ns=400 * US))
    world.command("main_plus", True)
    world.run(30 * MS - 100 * US)
    # touch at 30 ms; apart 400 us later for 400 us, twice
    assert positions(world, 10, 200 * US) == [1, 1, 0, 0, 1, 1, 0, 0, 1, 1]
    world.command("main_plus", False)
    world.run(14 * MS)
    assert feedback(world) == 1.0
    assert positions(world, 4, MS) == [0, 0, 0, 0]  # nothing bounces when they part


def test_a_command_withdrawn_while_they_bounce_is_obeyed(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(bounces=5, bounce_ns=2 * MS))
    world.command("main_plus", True)
    world.run(33 * MS)
    assert feedback(world) == 0.0  # apart between two touches
    world.command("main_plus", False)
    assert set(positions(world, 50, MS)) == {0.0}


def test_each_bounce_breaks_the_precharge_current_for_a_while(make_world: Any) -> None:
    def charged(**config: Any) -> float:
        world = make_world(contactor=ContactorConfig(**config))
        world.command("main_minus", True)
        world.run(40 * MS)
        world.command("precharge", True)
        world.run(70 * MS)
        return float(world["link.voltage"])

    assert charged(bounces=4, bounce_ns=2 * MS) < 0.9 * charged()


def test_bounce_and_slowness_as_faults_go_away(world: Any) -> None:
    contactor = world.plant.contactors["main_plus"]
    contactor.slow(200 * MS)
    contactor.bounce(1)
    world.command("main_plus", True)
    world.run(200 * MS - 1)
    assert feedback(world) == 0.0
    world.run(1)
    assert feedback(world) == 1.0
    world.run(MS)
    assert feedback(world) == 0.0
    world.run(MS)
    assert feedback(world) == 1.0
    contactor.slow(None)
    contactor.bounce(None)
    world.command("main_plus", False)
    world.run(20 * MS)
    world.command("main_plus", True)
    world.run(30 * MS)
    assert positions(world, 10, MS) == [1.0] * 10


def loaded(make_world: Any, arc_ns: int, current: float = 20.0) -> Any:
    load = LoadConfig(current_A=current, min_V=5.0, on=True)
    world = make_world(
        contactor=ContactorConfig(arc_ns=arc_ns, arc_drop_V=20.0), loads={"bench": load}, link=LinkConfig()
    )
    world.plant.ports["load.bench.on"].write(0.0)
    world.connect()
    world["load.bench.on"] = 1.0
    world.run(S)
    return world


def test_a_link_that_stays_up_lets_no_arc_stand(make_world: Any) -> None:
    """Its capacitor feeds the load: between the contacts there is less than the arc's 20 V."""
    world = loaded(make_world, arc_ns=50 * MS)
    before = world["link.voltage"]
    world.command("main_plus", False)
    world.run(15 * MS)
    assert feedback(world) == 0.0
    assert not world.plant.contactors["main_plus"].arcing
    assert world["contactor.main_plus.openings_under_load"] == 1.0
    assert world["pack.current"] == 0.0
    world.run(10 * MS)
    assert world["contactor.main_plus.arc_energy"] == 0.0
    assert world["link.voltage"] < before


def test_an_arc_into_a_short_stands_for_its_time_and_takes_its_voltage(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(arc_ns=4 * MS, arc_drop_V=20.0))
    world.connect()
    world.plant.circuit.set_link_short(5e-3)
    world.command("main_plus", False)
    books = world.plant.keep_books()
    world.run(15 * MS)
    emf, resistance = world.plant.pack.emf_V, world.plant.pack.resistance_Ohm
    current = (emf - 20.0) / (resistance + 0.4e-3 + 5e-3)
    assert world.plant.contactors["main_plus"].arcing
    world.run(4 * MS)
    assert world["pack.current"] == 0.0
    assert not world.plant.contactors["main_plus"].arcing
    assert world["contactor.main_plus.arc_energy"] == pytest.approx(20.0 * current * 4e-3, rel=0.02)
    assert books.joules["arcs"] == pytest.approx(world["contactor.main_plus.arc_energy"], rel=1e-9)
    assert abs(books.residual_J) <= 1e-9 * books.moved_J


def test_no_arc_beside_a_closed_precharge_contactor(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(arc_ns=4 * MS))
    world.connect()
    world.command("precharge", True)
    world.run(100 * MS)
    world.plant.circuit.set_link_short(1.0)
    world.command("main_plus", False)
    world.run(16 * MS)
    assert world["contactor.main_plus.openings_under_load"] == 1.0
    assert not world.plant.contactors["main_plus"].arcing


def test_closing_without_precharge_welds(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(weld_A=1000.0))
    world.command("main_minus", True)
    world.command("main_plus", True)
    world.run(40 * MS)
    welded = [name for name, c in world.plant.contactors.items() if c.welded]
    assert welded == ["main_plus"]  # the last to close makes the current
    world.command("main_plus", False)
    world.command("main_minus", False)
    world.run(100 * MS)
    assert feedback(world) == 1.0
    assert feedback(world, "main_minus") == 0.0


def test_closing_after_precharge_does_not(make_world: Any) -> None:
    world = make_world(contactor=ContactorConfig(weld_A=1000.0))
    world.connect()
    assert world["contactor.main_plus.welded"] == 0.0


def supplied(make_world: Any) -> Any:
    contactor = ContactorConfig(pull_in_V=8.0, drop_out_V=3.0)
    return make_world(contactor=contactor, supply=SupplyConfig(hold_up_ns=S))


def test_a_coil_needs_more_to_close_than_to_hold(make_world: Any) -> None:
    world = supplied(make_world)
    world["supply.voltage_request"] = 7.9
    world.command("main_plus", True)
    world.run(S)
    assert feedback(world) == 0.0
    world["supply.voltage_request"] = 8.0
    world.run(30 * MS)
    assert feedback(world) == 1.0
    world["supply.voltage_request"] = 3.0
    world.run(500 * MS)
    assert feedback(world) == 1.0
    world["supply.voltage_request"] = 2.9
    world.run(15 * MS)
    assert feedback(world) == 0.0


def test_a_falling_line_drops_it_at_the_instant_of_its_crossing(make_world: Any) -> None:
    world = supplied(make_world)
    world.command("main_plus", True)
    world.run(S)
    world.plant.supply.follow([(105 * MS, 3.0), (205 * MS, 0.0)])  # 3 V after 105 ms exactly
    world.run(105 * MS + 15 * MS)
    assert feedback(world) == 1.0
    world.run(US)
    assert feedback(world) == 0.0


def test_a_bouncing_arcing_world_goes_on_after_a_restore(make_world: Any) -> None:
    config = ContactorConfig(bounces=6, bounce_ns=MS, arc_ns=20 * MS, arc_drop_V=10.0)
    world = make_world(contactor=config)
    world.connect()
    world.plant.circuit.set_link_short(5e-3)
    world.command("main_plus", False)
    world.run(17 * MS)
    assert world.plant.contactors["main_plus"].arcing
    world.command("precharge", True)
    saved = world.plant.save()

    def watch() -> list[tuple[float, ...]]:
        seen = []
        for _ in range(80):
            world.run(700 * US)
            ports = world.plant.ports.items()
            seen.append(tuple(port.value for name, port in ports if "request" not in name))
        return seen

    expected = watch()
    world.plant.reset(3)
    world.plant.restore(saved)
    assert watch() == expected
