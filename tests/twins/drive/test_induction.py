"""The induction motor against the textbook: equivalent circuit, time constants, field weakening, power."""

from dataclasses import replace
from math import exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twins.drive import _drive
from twins.drive.motor import Array, Envelope, InductionMotor, drive_block, scaled

LINK = 324.0
MOTOR = scaled(240e3, 1273.0, LINK)
LOOSE = Envelope(
    torque_Nm=5000.0, power_W=1e7, regen_W=1e7, speed_rad_s=2000.0, rise_s=1e-9, idle_W=0.0
)  # the motor alone decides
DT = 1e-3


def rad_s(rpm: float) -> float:
    return rpm * pi / 30.0


class Bench:
    """A motor on a shaft of constant speed."""

    def __init__(self, motor: InductionMotor = MOTOR, envelope: Envelope = LOOSE) -> None:
        self.block = drive_block(envelope, motor)
        self.state: Array = np.zeros(_drive.STATE_SIZE)

    def run(
        self, torque: float, speed: float, seconds: float, *, low: float = -1e9, high: float = 1e9
    ) -> None:
        steps = max(1, round(seconds / DT))
        args = (torque, speed, low, high, LINK, DT, steps)
        self.torque, self.power = _drive.advance(self.block, self.state, *args)

    def __getattr__(self, name: str) -> float:
        return float(self.state[getattr(_drive, name.upper())])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_scaling_gives_the_worked_example() -> None:
    """153 kW and 813 Nm continuous at 324 V, per unit by hand: the values in `per-unit.toml`."""
    assert MOTOR.rs_Ohm == pytest.approx(3.4e-3, rel=0.01)
    assert MOTOR.rr_Ohm == pytest.approx(2.8e-3, rel=0.02)
    assert MOTOR.lls_H == pytest.approx(68e-6, rel=0.01)
    assert MOTOR.lm_H == pytest.approx(2.26e-3, rel=0.01)
    assert MOTOR.flux_Wb == pytest.approx(0.45, rel=0.01)
    assert MOTOR.rotor_s == pytest.approx(0.83, rel=0.02)
    assert MOTOR.link_F == pytest.approx(3e-3, rel=0.01)
    assert MOTOR.pole_pairs == 2


@pytest.mark.parametrize(
    ("rpm", "torque"), [(300, 500), (1200, 900), (1200, -600), (3000, 400), (3000, -400)]
)
def test_steady_state_is_the_equivalent_circuit_s(bench: Bench, rpm: float, torque: float) -> None:
    """The per-phase T circuit at the voltage and frequency of the model gives its current and torque."""
    bench.run(torque, rad_s(rpm), 8.0)
    bench.run(torque, rad_s(rpm), DT)
    we, m = bench.electric, MOTOR
    slip = (we - m.pole_pairs * rad_s(rpm)) / we
    volts = sqrt(bench.vd**2 + bench.vq**2)
    rotor = m.rr_Ohm / slip + 1j * we * m.llr_H
    gap = 1.0 / (1.0 / rotor + 1.0 / (1j * we * m.lm_H))
    stator_A = volts / (m.rs_Ohm + 1j * we * m.lls_H + gap)
    rotor_A = stator_A * gap / rotor
    assert abs(stator_A) == pytest.approx(sqrt(bench.id**2 + bench.iq**2), rel=1e-6)
    expected = 1.5 * abs(rotor_A) ** 2 * (m.rr_Ohm / slip) / (we / m.pole_pairs)
    assert bench.torque == pytest.approx(expected, rel=1e-6)
    assert bench.torque == pytest.approx(torque, rel=1e-6)


def test_flux_and_slip_are_the_equations_of_the_frame(bench: Bench) -> None:
    bench.run(700.0, rad_s(1000.0), 8.0)
    bench.run(700.0, rad_s(1000.0), DT)
    m = MOTOR
    assert bench.flux == pytest.approx(m.lm_H * bench.id, rel=1e-6)
    assert bench.electric - 2 * rad_s(1000.0) == pytest.approx(
        m.lm_H * bench.iq / (m.rotor_s * bench.flux), rel=1e-6
    )
    assert bench.torque == pytest.approx(m.torque_per_A(bench.flux) * bench.iq, rel=1e-6)


@pytest.mark.parametrize("torque", [600.0, -600.0, 0.0])
def test_the_power_balances(bench: Bench, torque: float) -> None:
    bench.run(torque, rad_s(1500.0), 8.0)
    bench.run(torque, rad_s(1500.0), DT)
    stator_W = 1.5 * (bench.vd * bench.id + bench.vq * bench.iq)
    shaft_W = bench.torque * rad_s(1500.0)
    assert stator_W == pytest.approx(shaft_W + bench.copper, rel=1e-6)
    assert bench.power == pytest.approx(shaft_W + bench.copper + bench.iron + bench.inverter, rel=1e-9)
    assert bench.copper > 0.0
    assert bench.stored == pytest.approx(0.0, abs=1e-3)


def test_the_flux_rises_with_the_rotor_s_time_constant() -> None:
    """Without a gain of the flux loop: 1 - exp(-t / tau_r), late by the current loop."""
    bench = Bench(replace(MOTOR, flux_gain=0.0))
    bench.run(0.0, 0.0, MOTOR.rotor_s)
    late_s = 1.0 / MOTOR.loop_rad_s
    assert bench.flux == pytest.approx(MOTOR.flux_Wb * (1.0 - exp(-1.0 + late_s / MOTOR.rotor_s)), rel=5e-4)
    fast = Bench(MOTOR)
    fast.run(0.0, 0.0, MOTOR.rotor_s / (1.0 + MOTOR.flux_gain))
    assert fast.flux == pytest.approx(MOTOR.flux_Wb * (1.0 - exp(-1.0)), rel=0.03)


def test_the_torque_rises_with_the_current_loop_once_there_is_flux(bench: Bench) -> None:
    bench.run(0.0, rad_s(500.0), 8.0)
    bench.run(400.0, rad_s(500.0), 0.002)  # one time constant of 500 rad/s
    assert MOTOR.torque_per_A(bench.flux) * bench.iq == pytest.approx(400.0 * (1.0 - exp(-1.0)), rel=1e-3)


def test_without_flux_there_is_hardly_torque(bench: Bench) -> None:
    bench.run(1200.0, 0.0, 0.01)
    assert bench.torque < 200.0
    bench.run(1200.0, 0.0, 2.0)
    bench.run(1200.0, 0.0, DT)
    assert bench.torque == pytest.approx(1200.0, rel=1e-3)


def best_torque(motor: InductionMotor, speed: float) -> float:
    """Most steady torque within voltage and current, by trying all fluxes and currents."""
    flux = np.linspace(0.02, 1.0, 400)[:, None] * motor.flux_Wb
    iq = np.linspace(0.0, 1.0, 800)[None, :] * motor.current_A
    current_d, k = flux / motor.lm_H, motor.lm_H / (motor.lm_H + motor.llr_H)
    we = motor.pole_pairs * speed + motor.rr_Ohm * k * iq / flux
    vd = motor.rs_Ohm * current_d - we * motor.transient_H * iq
    vq = motor.rs_Ohm * iq + we * (motor.transient_H * current_d + k * flux)
    volts = motor.voltage_share * LINK / sqrt(3.0)
    allowed = (np.hypot(vd, vq) <= volts) & (np.hypot(current_d, iq) <= motor.current_A)
    return float(np.where(allowed, 1.5 * motor.pole_pairs * k * flux * iq, 0.0).max())


@pytest.mark.parametrize("rpm", [200, 1000, 1700, 1900, 2300, 3000, 4200, 6000, 9000])
def test_the_field_is_weakened_nearly_at_its_best(bench: Bench, rpm: float) -> None:
    bench.run(5000.0, rad_s(rpm), 8.0)
    best = best_torque(MOTOR, rad_s(rpm))
    assert 0.95 * best < bench.torque < 1.02 * best
    volts = sqrt(bench.vd**2 + bench.vq**2)
    assert volts <= MOTOR.voltage_share * LINK / sqrt(3.0) * 1.001
    assert sqrt(bench.id**2 + bench.iq**2) <= MOTOR.current_A * 1.001


def test_it_turns_both_ways_alike() -> None:
    ways = []
    for way in (1.0, -1.0):
        bench = Bench()
        bench.run(way * 800.0, way * rad_s(2500.0), 4.0, high=150e3)
        ways.append((way * bench.torque, bench.power))
    assert ways[0] == pytest.approx(ways[1], rel=1e-9)


@pytest.mark.parametrize("allowed", [0.0, 5e3, 40e3, 120e3])
@pytest.mark.parametrize("rpm", [100.0, 1500.0, 3500.0])
def test_it_draws_and_feeds_back_what_the_link_allows(allowed: float, rpm: float) -> None:
    drives, brakes = Bench(), Bench()
    drives.run(0.0, rad_s(rpm), 3.0)
    drives.run(1200.0, rad_s(rpm), 1.0, high=allowed)
    fixed_W = drives.power if allowed == 0.0 else 0.0  # what magnetising takes cannot be refused
    drives.run(1200.0, rad_s(rpm), DT, high=allowed)
    assert drives.power <= max(allowed * 1.01, fixed_W * 1.001, 5e3)
    brakes.run(-1200.0, rad_s(rpm), 3.0, low=-allowed)
    brakes.run(-1200.0, rad_s(rpm), DT, low=-allowed)
    assert brakes.power >= -allowed * 1.01 - 1.0


@settings(max_examples=60, deadline=None)
@given(
    legs=st.lists(
        st.tuples(st.floats(-2000.0, 2000.0), st.floats(-400.0, 400.0), st.floats(0.0, 3e5)),
        min_size=1,
        max_size=5,
    )
)
def test_the_stator_gets_what_shaft_copper_and_field_take(legs: list[tuple[float, float, float]]) -> None:
    """1.5 (vd id + vq iq), summed over the steps, against the books."""
    bench = Bench()
    bench.run(0.0, 0.0, 3.0)  # without flux the slip has no bounds, and is cut
    stator_J = books_J = scale_J = 0.0
    for torque, speed, allowed in legs:
        for _ in range(200):
            before = bench.state.copy()
            bench.run(torque, speed, DT, low=-allowed, high=allowed)
            assert np.isfinite(bench.state).all()
            current_d = 0.5 * (before[_drive.ID] + bench.id)
            current_q = 0.5 * (before[_drive.IQ] + bench.iq)
            stator_J += 1.5 * (bench.vd * current_d + bench.vq * current_q) * DT
            books_J += (bench.power - bench.iron - bench.inverter) * DT
            scale_J += (abs(bench.power) + bench.copper + abs(bench.stored)) * DT
    assert stator_J == pytest.approx(books_J, abs=5e-3 * scale_J + 1e-9)


@pytest.mark.parametrize(("rpm", "torque"), [(600, 900), (1500, 700), (3000, 300), (1500, -700)])
def test_the_ripple_is_that_of_space_vectors(bench: Bench, rpm: float, torque: float) -> None:
    """Capacitor current from the dwell times of the vectors, sector by sector, against the closed form."""
    bench.run(torque, rad_s(rpm), 8.0)
    volts, amperes = sqrt(bench.vd**2 + bench.vq**2), sqrt(bench.id**2 + bench.iq**2)
    phi = np.angle(complex(bench.vd, bench.vq)) - np.angle(complex(bench.id, bench.iq))
    theta = (np.arange(20_000) + 0.5) / 20_000 * pi / 3.0
    index = sqrt(3.0) * volts / LINK
    first, second = index * np.sin(pi / 3.0 - theta), index * np.sin(theta)
    phase_a = amperes * np.cos(theta - phi)  # flows from the link in the first vector
    phase_c = amperes * np.cos(theta - phi + 2.0 * pi / 3.0)  # and back through it in the second
    mean = np.mean(first * phase_a - second * phase_c)
    square = np.mean(first * phase_a**2 + second * phase_c**2)
    assert bench.ripple_a == pytest.approx(sqrt(square - mean**2), rel=1e-3)
    assert bench.ripple_v == pytest.approx(bench.ripple_a / (4.0 * pi * 8000.0 * MOTOR.link_F), rel=1e-9)


def test_a_motor_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="power_W: must be positive"):
        scaled(0.0, 100.0, 300.0)
    with pytest.raises(ValueError, match="rs_Ohm: must be positive"):
        replace(MOTOR, rs_Ohm=float("nan"))


@pytest.mark.parametrize("bad", [(np.nan, 1.0), (1.0, np.inf)])
def test_requests_that_are_no_numbers_are_refused(bench: Bench, bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="all finite"):
        bench.run(*bad, 0.1)


@pytest.mark.parametrize(
    "bad",
    [
        (1.0, 1.0, 324.0, DT, 1), (-1.0, -1.0, 324.0, DT, 1), (-1.0, 1.0, 0.0, DT, 1),
        (-1.0, 1.0, 324.0, 0.0, 1), (-1.0, 1.0, 324.0, DT, 0),
    ],
)  # fmt: skip
def test_steps_and_limits_out_of_range_are_refused(
    bench: Bench, bad: tuple[float, float, float, float, int]
) -> None:
    with pytest.raises(ValueError, match="needs low <= 0 <= high"):
        _drive.advance(bench.block, bench.state, 0.0, 0.0, *bad)
