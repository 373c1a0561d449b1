"""A drive of a rig whose losses, or whose motor, are modelled, and which keeps to the BMS's limits."""

from __future__ import annotations

from math import ceil, exp, isnan, pi
from typing import Any

import numpy as np

from twins.config import DriveConfig
from twins.drive import _drive
from twins.drive.motor import Array, Envelope, InductionMotor, drive_block, scaled
from twins.drive.simple import Drive
from twins.port import Bank, Port

_STEP_s = 1e-3  # the current loops' time constant is 2 ms
_MOST_A = 3000.0
_RAD_PER_S = pi / 30.0
_CURRENTS = (_drive.ID, _drive.IQ, _drive.TORQUE, _drive.REQUEST, _drive.RIPPLE_A, _drive.RIPPLE_V)


class CoreDrive(Drive):
    """As `Drive`, by the C core; ``drive.discharge_limit`` and ``drive.charge_limit`` bind what it takes.

    The limits are currents of the link, both positive, for a BMS's frames to be wired to; until one
    writes them there are none. A limit that is not available counts as 0.
    """

    def __init__(self, config: DriveConfig, step_s: float, ambient_degC: float) -> None:
        self._motor = scaled(config.max_power_W, config.max_torque_Nm, config.rated_V)
        self._type = _block(config, self._motor)
        self._core: Array = np.zeros(_drive.STATE_SIZE)
        self._steps = ceil(step_s / _STEP_s - 1e-9)
        self._fade = exp(-step_s / self._motor.rotor_s)
        self._allowed = Bank([_MOST_A, _MOST_A])
        self._inside = Bank([0.0] * 3)
        super().__init__(config, step_s, ambient_degC)
        self.ports = (*self.ports, *self._limits(), *self._insides())

    def _limits(self) -> tuple[Port, ...]:
        return (
            Port("drive.discharge_limit", "A", self._allowed, 0, 0, _MOST_A, "in"),
            Port("drive.charge_limit", "A", self._allowed, 1, 0, _MOST_A, "in"),
        )

    def _insides(self) -> tuple[Port, ...]:
        return (
            Port("drive.flux", "", self._inside, 0, 0, 30),
            Port("drive.ripple_current", "A", self._inside, 1, 0, _MOST_A),
            Port("drive.ripple_voltage", "V", self._inside, 2, 0, 1500),
        )

    def reset(self) -> None:
        """Off and cold, without flux and without limits."""
        for bank, readings in ((self._allowed, [_MOST_A, _MOST_A]), (self._inside, [0.0] * 3)):
            bank.held.clear()
            bank.publish(readings)
        self._core[:] = 0.0
        super().reset()

    def _run(self, request: float, speed_rpm: float, bench_A: float, link_V: float, aux_W: float) -> None:
        if not isnan(bench_A):
            super()._run(request, speed_rpm, bench_A, link_V, aux_W)
            return
        self._bench_A = bench_A
        discharge_A, charge_A = (0.0 if isnan(limit) else limit for limit in self._allowed.values)
        high_W = max(0.0, discharge_A * link_V - aux_W)
        low_W = -charge_A * link_V - aux_W
        speed = 0.0 if isnan(speed_rpm) else speed_rpm * _RAD_PER_S
        wanted = 0.0 if isnan(request) else request
        dt_s = self._step_s / self._steps
        self.torque_Nm, power_W = _drive.advance(
            self._type, self._core, wanted, speed, low_W, high_W, link_V, dt_s, self._steps
        )
        self.power_W = power_W + aux_W
        self.draws = self.power_W != 0.0
        self._loss_W = max(0.0, power_W - self.torque_Nm * speed)
        self._look_inside()

    def _look_inside(self) -> None:
        state = self._core
        values = (state[_drive.FLUX], state[_drive.RIPPLE_A], state[_drive.RIPPLE_V])
        self._inside.publish([float(value) for value in values])

    def _stop(self) -> None:
        """The pulses stop: no current, and the flux fades with the rotor's time constant."""
        super()._stop()
        for index in _CURRENTS:
            self._core[index] = 0.0
        self._core[_drive.FLUX] *= self._fade
        self._look_inside()

    def save(self) -> dict[str, Any]:
        """The whole state."""
        core = [float(value) for value in self._core]
        banks = {"allowed": self._allowed.save(), "inside": self._inside.save()}
        return super().save() | banks | {"core": core}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        super().restore(state)
        self._allowed.restore(state["allowed"])
        self._inside.restore(state["inside"])
        self._core[:] = state["core"]


def make_drive(config: DriveConfig, step_s: float, ambient_degC: float) -> Drive:
    """The drive that a configuration asks for."""
    if config.model == "simple":
        return Drive(config, step_s, ambient_degC)
    return CoreDrive(config, step_s, ambient_degC)


def _block(config: DriveConfig, motor: InductionMotor) -> Array:
    power_W = config.max_power_W
    fastest_rad_s = 32_000 * _RAD_PER_S
    envelope = Envelope(config.max_torque_Nm, power_W, power_W, fastest_rad_s, config.slew_s, 0.0)
    block = drive_block(envelope, motor)
    if config.model == "losses":
        block[6:10] = _polynomial(config)
    return block


def _polynomial(config: DriveConfig) -> list[float]:
    """Losses that reach the configured efficiency at full power and base speed.

    Their shares by speed, power and square of the torque are those of the vehicles' ``_common.toml``.
    """
    power_W = config.max_power_W
    loss_W = power_W * (1.0 / config.efficiency - 1.0)
    base_rad_s = power_W / config.max_torque_Nm
    shares = np.array([0.45, 3.5, 4.7]) / 8.65
    by_speed, by_power, by_torque = (loss_W * shares).tolist()
    return [by_speed / base_rad_s, by_power / power_W, by_torque / config.max_torque_Nm**2, 0.0]
