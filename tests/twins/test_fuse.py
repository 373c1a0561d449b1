"""The fuse: both ends of its time-current curve, and a short that it ends at a known instant."""

from math import log
from typing import Any

import pytest
from scipy.integrate import solve_ivp

from tests.twins.conftest import charge_given
from twins.circuit import Circuit
from twins.config import ContactorConfig, FuseConfig, LinkConfig, PackConfig
from twins.course import Course
from twins.fuse import Fuse, bodies_of

MS = 1_000_000
S = 1_000_000_000
CONFIG = FuseConfig(rated_A=400.0, melting_A2s=40e3)


def time_to_melt(current: float, limit_s: float = 1e5) -> float | None:
    return Fuse(CONFIG).blows_within(Course(current, 0.0, 1.0), limit_s)


def test_far_above_its_rating_it_melts_at_its_integral() -> None:
    for current in (2e4, 1e5, 1e6):
        found = time_to_melt(current)
        lost = found / (bodies_of(CONFIG)[0].loss_per_s ** -1)  # what the notches have lost meanwhile
        assert found == pytest.approx(40e3 / current**2, rel=lost)


def test_below_the_conventional_fusing_current_it_never_melts() -> None:
    assert time_to_melt(1.599 * 400.0) is None
    assert time_to_melt(1.601 * 400.0) is not None


def test_a_moderate_overload_melts_it_by_its_body() -> None:
    """At twice the rating the notches are in balance: what is missing comes with the body's time constant."""
    final = 800.0**2 / 640.0**2
    notches = 0.1 * final
    expected = -120.0 * log(1.0 - (1.0 - notches) / (0.9 * final))
    assert time_to_melt(800.0) == pytest.approx(expected, rel=1e-3)


def test_the_curve_falls() -> None:
    times = [time_to_melt(current) for current in (700, 800, 1000, 1500, 2000, 3000, 5000, 10_000)]
    assert times == sorted(times, reverse=True)


def test_an_exponential_current_melts_it_as_the_differential_equation_says() -> None:
    course = Course(1500.0, 6000.0, 80.0)
    found = Fuse(CONFIG).blows_within(course, 1.0)
    bodies = bodies_of(CONFIG)

    def slope(t: float, theta: Any) -> list[float]:
        square = course.at(t) ** 2
        return [b.gain * square - b.loss_per_s * x for b, x in zip(bodies, theta, strict=True)]

    melted = lambda _t, theta: sum(theta) - 1.0  # noqa: E731
    melted.terminal = True  # type: ignore[attr-defined]
    solved = solve_ivp(slope, (0.0, 1.0), [0.0, 0.0], events=melted, rtol=1e-11, atol=1e-13)
    assert found == pytest.approx(solved.t_events[0][0], rel=1e-8)


def test_it_remembers_what_it_has_carried_and_cools() -> None:
    fuse = Fuse(CONFIG)
    short = Course(5000.0, 0.0, 1.0)
    full = fuse.blows_within(short, 1.0)
    fuse.carry(short, 0.5 * full)
    assert fuse.melted == pytest.approx(0.5, abs=0.1)
    assert fuse.blows_within(short, 1.0) == pytest.approx(0.5 * full, rel=1e-9)
    fuse.carry(Course(0.0, 0.0, 1.0), 3600.0)
    assert fuse.blows_within(short, 1.0) == pytest.approx(full, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rated_A": 0.0}, "rated_A: must be greater than 0"),
        ({"melting_A2s": 1e9}, "melting_A2s: too high for such a rating"),
        ({"fusing_ratio": 1.0}, "fusing_ratio: must be greater than 1"),
        ({"notch_share": 1.0}, "notch_share: must be less than 1"),
        ({"melting_A2s": float("nan")}, "melting_A2s: must be"),
    ],
)
def test_a_fuse_that_cannot_be(change: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FuseConfig(**{"rated_A": 400.0, "melting_A2s": 40e3, **change})


# --- in the circuit -------------------------------------------------------------------------------


def test_a_short_across_the_terminals_is_ended_at_its_instant(make_world: Any) -> None:
    """4 cells behind a short: the current stands still, so the time is that of a constant current."""
    pack = PackConfig("winston-lyp-160", series=4, soc=0.5)
    world = make_world(pack=pack, fuse=CONFIG)
    resistance = world.plant.pack.resistance_Ohm + 0.2e-3 + 0.1e-3
    current = world.plant.pack.emf_V / resistance
    world.run(3 * MS)
    world.plant.circuit.set_pack_short(0.1e-3)
    assert world["pack.current"] == pytest.approx(current, rel=1e-9)
    expected_s = Fuse(CONFIG).blows_within(Course(current, 0.0, 1.0), 1.0)
    world.run(S)
    assert world["fuse.blown"] == 1.0
    assert world["pack.current"] == world["pack.terminal_voltage"] == 0.0
    # 7 ms and whole steps of 10 ms: in each the cells' EMF is held, and sags by 2 % in all
    assert world.plant.charge_As == pytest.approx(current * expected_s, rel=0.03)
    assert world.plant.charge_As == pytest.approx(charge_given(world.plant.pack), rel=1e-9)


def test_it_is_the_same_instant_whatever_the_steps() -> None:
    charges = []
    for steps in (1, 10, 1000):
        circuit = Circuit(LinkConfig(), ContactorConfig(), fuse=CONFIG)
        circuit.set_pack_short(5e-3)
        charge = 0.0
        for _ in range(steps):
            left = 0.1 / steps
            while left > 0.0:
                circuit.view(324.0, 0.05)
                breaks = circuit.breaks_within(0.0, left)
                dt = left if breaks is None else breaks.instant_s
                charge += circuit.advance(0.0, dt) * dt
                if breaks is not None:
                    circuit.break_now(breaks)
                left -= dt
        assert circuit.fuse.blown
        charges.append(charge)
    assert charges[1:] == pytest.approx([charges[0]] * 2, rel=1e-10)


def test_a_short_on_the_link_is_ended_too_and_a_new_fuse_conducts(make_world: Any) -> None:
    world = make_world(fuse=FuseConfig(rated_A=100.0, melting_A2s=2e3))
    world.connect()
    world.plant.circuit.set_link_short(1e-3)
    world.run(S)
    assert world["fuse.blown"] == 1.0
    assert world["pack.current"] == 0.0
    assert world["pack.voltage"] == pytest.approx(world.plant.pack.emf_V)
    assert world["link.voltage"] == pytest.approx(0.0, abs=1e-3)
    world.plant.circuit.set_link_short(None)
    world.plant.circuit.set_fuse_blown(False)
    world.run(S)
    assert world["link.voltage"] == pytest.approx(world["pack.voltage"], rel=1e-3)


def test_the_rated_current_does_nothing_to_it(make_world: Any) -> None:
    world = make_world(fuse=FuseConfig(rated_A=200.0, melting_A2s=8e3))
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.current_request"] = 200.0
    world.run(600 * S)
    assert world["fuse.melted"] == pytest.approx(1.0 / 1.6**2, rel=0.02)
    assert world["fuse.blown"] == 0.0


def test_without_a_fuse_there_is_none_to_blow(world: Any) -> None:
    assert "fuse.blown" not in world.plant.ports
    with pytest.raises(ValueError, match="has no fuse"):
        world.plant.circuit.set_fuse_blown(True)
