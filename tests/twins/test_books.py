"""The books balance: charge to rounding, energy by integrals that know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import simpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twins.conftest import charge_given
from twins.circuit import Circuit
from twins.config import (
    ChargerConfig,
    ContactorConfig,
    FuseConfig,
    LinkConfig,
    LoadConfig,
    PackConfig,
    PlantConfig,
    SensorConfig,
)
from twins.plant import Plant

MS = 1_000_000
S = 1_000_000_000
SERIES = 8
CHARGE = 160.0 * 3600.0
SLOW = SensorConfig(
    cell_period_ns=S, temperature_period_ns=S, current_period_ns=S, voltage_period_ns=S, temperature_count=2
)


def plant_of(charge: str = "both", step_ns: int = S) -> Plant:
    config = PlantConfig(
        PackConfig("winston-lyp-160", series=SERIES, soc=0.5),
        contactor=ContactorConfig(
            charge=charge, arc_ns=3 * MS, arc_drop_V=8.0, bounces=1, bounce_ns=2 * MS  # type: ignore[arg-type]
        ),
        link=LinkConfig(precharge_Ohm=5.0, precharge_pulse_J=3e3, busbar_Ohm=1e-3),
        sensors=SLOW,
        charger=ChargerConfig(max_V=29.0, max_A=60.0, timeout_ns=10_000 * S),
        fuse=FuseConfig(rated_A=300.0, melting_A2s=30e3),
        loads={
            "heater": LoadConfig(resistance_Ohm=2.0),
            "dcdc": LoadConfig(power_W=150.0, min_V=10.0),
            "pump": LoadConfig(current_A=5.0, min_V=5.0),
        },
        step_ns=step_ns,
    )
    plant = Plant(simpy.Environment(initial_time=0), config)
    for port, value in (("plugged", 1), ("voltage_max", 28.8), ("control", 0)):
        plant.ports[f"charger.{port}"].write(float(value))
    return plant


Act = Callable[[Plant], Any]
names = st.sampled_from(["main_plus", "main_minus", "precharge", "charge_plus", "charge_minus"])


def _write(port: str, value: float) -> Act:
    return lambda plant: plant.ports[port].write(value)


def _contactor(name: str, method: str, value: Any) -> Act:
    return lambda plant: getattr(plant.contactors[name], method)(value)


def _circuit(method: str, value: Any) -> Act:
    return lambda plant: getattr(plant.circuit, method)(value)


shorts = st.none() | st.floats(1e-3, 10.0)
acts = st.one_of(
    st.builds(lambda n, v: _write(f"contactor.{n}.command", v), names, st.sampled_from([0.0, 1.0, 1.0])),
    st.builds(
        lambda n, v: _write(f"load.{n}.on", v),
        st.sampled_from(["heater", "dcdc", "pump"]),
        st.sampled_from([0.0, 1.0]),
    ),
    st.builds(lambda v: _write("drive.enable", v), st.sampled_from([0.0, 1.0])),
    st.builds(lambda v: _write("drive.current_request", v), st.floats(-80, 120)),
    st.builds(lambda v: _write("charger.current_max", v), st.floats(0, 60)),
    st.builds(lambda n, v: _contactor(n, "weld", v), names, st.booleans()),
    st.builds(lambda n, v: _contactor(n, "stick_open", v), names, st.booleans()),
    st.builds(lambda n, v: _contactor(n, "bounce", v), names, st.integers(0, 4)),
    st.builds(lambda v: _circuit("set_link_short", v), shorts),
    st.builds(lambda v: _circuit("set_pack_short", v), shorts),
    st.builds(lambda v: _circuit("set_fuse_blown", v), st.booleans()),
    st.builds(lambda v: _circuit("set_precharge_open", v), st.booleans()),
    st.builds(lambda v: _circuit("heat_precharge", v), st.floats(25, 399)),
    st.builds(
        lambda pole, v, side: lambda plant: plant.leak(pole, v, side),
        st.sampled_from(["plus", "minus"]),
        st.none() | st.floats(0, 1e3),
        st.sampled_from(["pack", "link"]),
    ),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    charge=st.sampled_from(["none", "plus", "both"]),
    script=st.lists(st.tuples(acts, st.integers(1, 240 * S)), min_size=15, max_size=40),
)
def test_a_random_hour_with_random_faults(charge: str, script: list[tuple[Act, int]]) -> None:
    plant = plant_of(charge)
    books = plant.keep_books()
    before_J = 0.5 * 3e-3 * plant.circuit.link_V ** 2
    for act, wait_ns in script:
        try:
            act(plant)
        except KeyError:  # a contactor that this plant does not have
            continue
        plant.env.run(until=int(plant.env.now) + wait_ns)
        if plant.env.now >= 3600 * S or not 0.05 < plant.pack.mean_soc < 0.95:
            break
    else:
        plant.env.run(until=max(int(plant.env.now) + 1, 3600 * S))
    plant.sync()
    gone = charge_given(plant.pack)
    assert plant.charge_As == pytest.approx(gone, rel=1e-9, abs=1e-9 * CHARGE)
    assert abs(books.residual_J) <= 1e-9 * books.moved_J + 1e-9
    stored_J = 0.5 * 3e-3 * plant.circuit.link_V ** 2 - before_J
    assert books.joules["link"] == pytest.approx(stored_J, abs=1e-9 * books.moved_J + 1e-9)
    for sink in ("cell_resistance", "fuse", "precharge", "bleed", "shunts", "terminals", "contacts", "arcs"):
        assert books.joules[sink] >= -1e-9 * books.moved_J  # nothing but sources gives energy


def test_the_script_above_moves_every_entry() -> None:
    """What the random hours may do is all there: each entry of the books is moved by something."""
    plant = plant_of()
    books = plant.keep_books()

    def go(seconds: float, **closed: float) -> None:
        for name, value in closed.items():
            plant.ports[f"contactor.{name}.command"].write(value)
        plant.env.run(until=int(plant.env.now) + int(seconds * S))

    go(5, main_minus=1, precharge=1)
    go(2, main_plus=1)
    plant.ports["load.heater.on"].write(1.0)
    plant.ports["load.dcdc.on"].write(1.0)
    plant.ports["charger.current_max"].write(30.0)
    go(10, precharge=0, charge_plus=1, charge_minus=1)
    go(0.0145, main_plus=0)
    plant.circuit.set_link_short(2e-3)  # half a millisecond before the contacts part
    go(1)
    plant.circuit.set_pack_short(5e-3)
    go(30)
    assert plant.circuit.fuse is not None
    assert plant.circuit.fuse.blown
    assert {name for name, value in books.joules.items() if value != 0.0} == {
        "cells", "charger", "cell_resistance", "fuse", "precharge", "arcs", "bleed", "shunts", "loads",
        "link", "contacts", "terminals",
    }  # fmt: skip
    assert abs(books.residual_J) <= 1e-9 * books.moved_J


@pytest.mark.parametrize("faulty", [False, True])
def test_steps_of_a_millisecond_and_of_a_hundred_agree(faulty: bool) -> None:
    """With a source whose EMF and resistance stand still, and a current that does between two instants."""
    ends = []
    for step in (1e-3, 0.1):
        circuit = Circuit(LinkConfig(busbar_Ohm=1e-3), ContactorConfig(), fuse=FuseConfig(200.0, 10e3))
        books = circuit.keep_books()
        charge = 0.0
        for second, load in enumerate((0.0, 50.0, 180.0, -60.0, 400.0)):
            circuit.connect(main_plus=second > 0, main_minus=True, precharge=second < 2)
            if faulty and second == 3:
                circuit.set_pack_short(0.5)
            for _ in range(round(1.0 / step)):
                circuit.view(324.0, 0.05)
                charge += circuit.advance(load, step) * step
        ends.append([charge, circuit.link_V, circuit.pack_A, circuit.fuse.melted, circuit.resistor.heat_J])
        ends[-1] += [books.joules[name] for name in sorted(books.joules) if name != "arcs"]
    assert ends[0] == pytest.approx(ends[1], rel=1e-9)


def test_a_ladder_of_bus_bars() -> None:
    """Pack, fuse, bus bars, two contacts: at the link arrives what the ladder of resistances leaves."""
    circuit = Circuit(
        LinkConfig(busbar_Ohm=2e-3, bleed_Ohm=1e12),
        ContactorConfig(contact_Ohm=0.5e-3),
        fuse=FuseConfig(1000.0, 1e6, resistance_Ohm=0.3e-3),
    )
    circuit.set_pack_short(2.0)
    circuit.connect(main_plus=True, main_minus=True, precharge=False)
    circuit.set_loads(1.0 / 4.0)
    circuit.link_V = 300.0
    circuit.view(324.0, 40e-3)
    circuit.advance(0.0, 10.0)
    rest = 4.0 + 2e-3 + 2 * 0.5e-3  # from the terminals on
    terminals = 1.0 / (1.0 / 2.0 + 1.0 / rest)
    current = 324.0 / (40e-3 + 0.3e-3 + terminals)
    assert circuit.pack_A == pytest.approx(current, rel=1e-9)
    assert circuit.terminal_V == pytest.approx(current * terminals, rel=1e-9)
    assert circuit.link_V == pytest.approx(current * terminals * 4.0 / rest, rel=1e-9)
