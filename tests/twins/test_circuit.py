"""Known answers of the high-voltage circuit, and conservation under any step."""

from itertools import pairwise, product
from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.circuit import Circuit
from twins.config import ContactorConfig, LinkConfig

EMF, R_PACK = 324.0, 0.1
NEVER = 1e15  # Ohm


def circuit(bleed: float = NEVER, contact: float = 1e-9) -> Circuit:
    made = Circuit(LinkConfig(bleed_Ohm=bleed), ContactorConfig(contact_Ohm=contact))
    made.view(EMF, R_PACK)
    return made


def precharging() -> Circuit:
    made = circuit()
    made.connect(main_plus=False, main_minus=True, precharge=True)
    return made


@pytest.mark.parametrize("t", [1e-3, 0.1, 0.15, 0.45, 2.0])
def test_precharge_follows_the_exact_exponential(t: float) -> None:
    made = precharging()
    made.advance(0.0, t)
    tau = (50.0 + R_PACK) * 3e-3
    assert made.link_V == pytest.approx(EMF * (1 - exp(-t / tau)), rel=1e-9)
    assert made.pack_A == pytest.approx(EMF / 50.1 * exp(-t / tau), rel=1e-6, abs=1e-9)


def test_precharge_reaches_95_percent_after_three_time_constants() -> None:
    made = precharging()
    t95 = made.time_to(0.95 * EMF, 0.0)
    assert t95 == pytest.approx(-log(0.05) * 50.1 * 3e-3, rel=1e-9)
    assert t95 == pytest.approx(3.0 * 50.1 * 3e-3, rel=2e-3)


def test_the_precharge_resistor_turns_half_of_the_energy_into_heat() -> None:
    made = precharging()
    for _ in range(1000):
        made.view(EMF, R_PACK)
        made.advance(0.0, 0.01)
    share = 50.0 / 50.1
    assert made.resistor.heat_J == pytest.approx(share * 0.5 * 3e-3 * EMF**2, rel=1e-9)


def test_the_bleed_and_the_active_discharge_empty_the_link() -> None:
    made = circuit(bleed=20e3)
    made.link_V = 300.0
    made.advance(0.0, 10.0)
    assert made.link_V == pytest.approx(300.0 * exp(-10.0 / 60.0), rel=1e-12)
    made.set_discharging(True)
    made.advance(0.0, 1.0)
    resistance = 1.0 / (1.0 / 20e3 + 1.0 / 200.0)
    expected = 300.0 * exp(-10.0 / 60.0) * exp(-1.0 / (resistance * 3e-3))
    assert made.link_V == pytest.approx(expected, rel=1e-12)


def test_a_shorted_link_stays_down_behind_the_precharge_resistor() -> None:
    made = precharging()
    made.set_link_short(0.1)
    made.view(EMF, R_PACK)
    made.advance(0.0, 1.0)
    assert made.link_V == pytest.approx(EMF * 0.1 / 50.2, rel=1e-6)
    assert made.pack_A == pytest.approx(EMF / 50.2, rel=1e-6)
    made.set_link_short(None)
    made.view(EMF, R_PACK)
    made.advance(0.0, 5.0)
    assert made.link_V == pytest.approx(EMF, rel=1e-9)


@pytest.mark.parametrize("resistance", [0.0, -1.0, inf])
def test_a_short_needs_a_positive_resistance(resistance: float) -> None:
    with pytest.raises(ValueError, match="resistance"):
        circuit().set_link_short(resistance)


@pytest.mark.parametrize(("plus", "minus", "precharge", "burnt"), list(product([False, True], repeat=4)))
def test_current_flows_only_if_both_poles_have_a_path(
    plus: bool, minus: bool, precharge: bool, burnt: bool
) -> None:
    made = circuit()
    made.connect(main_plus=plus, main_minus=minus, precharge=precharge)
    made.set_precharge_open(burnt)
    made.view(EMF, R_PACK)
    mean = made.advance(0.0, 1e-3)
    flows = minus and (plus or (precharge and not burnt))
    assert (mean > 0.0) == flows
    assert (made.link_V > 0.0) == flows
    assert made.connected == flows
    assert made.direct == (plus and minus)


def test_directly_connected_the_link_follows_the_terminal() -> None:
    made = circuit()
    made.link_V = EMF
    made.connect(main_plus=True, main_minus=True, precharge=False)
    made.view(EMF, R_PACK)
    mean = made.advance(200.0, 0.01)
    assert made.link_V == pytest.approx(EMF - 200.0 * R_PACK, abs=1e-6)
    assert made.pack_A == pytest.approx(200.0, rel=1e-8)
    charge = 3e-3 * 200.0 * R_PACK  # given by the capacitor
    assert mean * 0.01 == pytest.approx(200.0 * 0.01 - charge, rel=1e-8)


def test_main_and_precharge_share_the_current() -> None:
    made = circuit(contact=1e-3)
    made.link_V = EMF - 10.0
    made.connect(main_plus=True, main_minus=True, precharge=True)
    made.view(EMF, R_PACK)
    through = [made.current_through(name) for name in ("main_plus", "precharge")]
    assert sum(through) == pytest.approx(made.current_through("main_minus"))
    assert through[0] / through[1] == pytest.approx(50.001 / 1e-3)


def test_voltage_after_is_what_advance_does_and_time_to_its_inverse() -> None:
    made = precharging()
    made.link_V = 300.0
    at = made.voltage_after(20.0, 0.05)
    assert made.time_to(at, 20.0) == pytest.approx(0.05, rel=1e-9)
    made.advance(20.0, 0.05)
    assert made.link_V == pytest.approx(at, rel=1e-12)


cuts = st.lists(st.floats(1e-6, 0.499), max_size=8)


@given(
    cuts=cuts,
    link=st.floats(0, 400),
    load=st.floats(-50, 50),
    plus=st.booleans(),
    precharge=st.booleans(),
    short=st.none() | st.floats(0.01, 100),
)
def test_any_division_of_the_time_gives_the_same_answer_and_keeps_the_charge(
    cuts: list[float],
    link: float,
    load: float,
    plus: bool,
    precharge: bool,
    short: float | None,
) -> None:
    ends: list[tuple[float, float, float]] = []
    for times in ([0.0, 0.5], [0.0, *sorted(set(cuts)), 0.5]):
        made = circuit(bleed=20e3, contact=1e-3)
        made.link_V = link
        made.connect(main_plus=plus, main_minus=True, precharge=precharge)
        made.set_link_short(short)
        charge = 0.0
        for start, end in pairwise(times):
            made.view(EMF, R_PACK)
            charge += made.advance(load, end - start) * (end - start)
        ends.append((made.link_V, charge, made.resistor.heat_J))
    assert ends[1] == pytest.approx(ends[0], rel=1e-9, abs=1e-9)


@given(link=st.floats(0, 400), load=st.floats(-50, 50), dt=st.floats(1e-6, 10))
def test_charge_balances_between_pack_capacitor_and_load(link: float, load: float, dt: float) -> None:
    made = circuit()
    made.link_V = link
    made.connect(main_plus=False, main_minus=True, precharge=True)
    made.view(EMF, R_PACK)
    out = made.advance(load, dt) * dt
    stored = 3e-3 * (made.link_V - link)
    assert out == pytest.approx(stored + load * dt, rel=1e-8, abs=1e-8)
