"""The drive: a torque request becomes DC current, either way; or it draws what it is told."""

from __future__ import annotations

from math import exp, isnan, nan, pi, sqrt
from typing import Any

from twins.circuit import Circuit
from twins.config import DriveConfig
from twins.port import Bank, Port

OFF, READY, RUN, FAULT = range(4)
UP = 0.5  # of the pack's EMF: below, the link is down and the inverter's undervoltage trip acts

_ENABLE, _TORQUE, _SPEED, _CURRENT = range(4)
_RAD_PER_S = 2.0 * pi / 60.0
# Temperatures of first order: K per W of loss, time constant. Liquid-cooled 150 kW class: 10 kW in
# the motor is about 80 K, 4 kW in the inverter about 40 K.
_MOTOR_K_PER_W, _MOTOR_S, _MOTOR_SHARE = 0.008, 600.0, 0.7
_INVERTER_K_PER_W, _INVERTER_S = 0.010, 60.0


class Drive:
    """Inverter and motor on a shaft whose speed a dynamometer holds.

    It starts to draw when it is enabled and the main contactors have brought the link up (as a VCU
    would let it), and goes on until it is disabled or the link leaves its range. Under load that is
    a trip, which clears when the enable or the demand is withdrawn.

    Attributes:
        tripped: Whether the link left the drive's range under load.
        power_W: Electrical power that it takes from the link in torque mode, < 0 regenerates.
        torque_Nm: At the shaft.
        drawn_A: DC current in the last step, > 0 is taken from the link.
        draws: Whether it takes anything from the link, or gives.
    """

    def __init__(self, config: DriveConfig, step_s: float, ambient_degC: float) -> None:
        self.config = config
        self.high_V = config.max_V
        self.low_V = 0.0
        self._step_s = step_s
        self._ambient_degC = ambient_degC
        self._keep_motor = exp(-step_s / _MOTOR_S)
        self._keep_inverter = exp(-step_s / _INVERTER_S)
        self._set = Bank([0.0] * 4)
        self._shown = Bank([0.0] * 7)
        self.ports = (*self._inputs(), *self._outputs())
        self.reset()

    def _inputs(self) -> tuple[Port, ...]:
        bank = self._set
        return (
            Port("drive.enable", "", bank, _ENABLE, 0, 1, "in"),
            Port("drive.torque_request", "Nm", bank, _TORQUE, -3000, 3000, "in"),
            Port("drive.speed_request", "rpm", bank, _SPEED, -32_000, 32_000, "in"),
            Port("drive.current_request", "A", bank, _CURRENT, -3000, 3000, "in"),
        )

    def _outputs(self) -> tuple[Port, ...]:
        rows = (
            ("state", "", 0, 3),
            ("torque", "Nm", -self.config.max_torque_Nm, self.config.max_torque_Nm),
            ("speed", "rpm", -32_000, 32_000),
            ("dc_current", "A", -3000, 3000),
            ("dc_voltage", "V", 0, 1500),
            ("motor_temperature", "degC", -50, 200),
            ("inverter_temperature", "degC", -50, 200),
        )
        return tuple(
            Port(f"drive.{name}", unit, self._shown, index, low, high)
            for index, (name, unit, low, high) in enumerate(rows)
        )

    def reset(self) -> None:
        """Off and cold."""
        self._set.held.clear()
        self._shown.held.clear()
        self._set.publish([0.0, 0.0, self.config.speed_rpm, nan])
        self.tripped = self._running = False
        self.torque_Nm = self.power_W = self.drawn_A = self._loss_W = 0.0
        self._bench_A, self.draws = nan, False
        self._motor_degC = self._inverter_degC = self._ambient_degC
        self._publish(OFF, 0.0)

    def safe(self) -> None:
        """Disabled, no torque, no current."""
        self._set.publish([0.0, 0.0, self._set.readings[_SPEED], nan])

    def stands(self, link_V: float) -> bool:
        """Whether it can work at this link voltage."""
        return self.low_V <= link_V <= self.high_V

    def update(self, circuit: Circuit, emf_V: float) -> None:
        """Take the set points for the next step and show the last one."""
        enable, torque_Nm, speed_rpm, bench_A = self._set.values
        link_V = circuit.link_V
        self.low_V = UP * emf_V
        up = self.low_V < link_V < self.high_V
        demand = torque_Nm != 0.0 if isnan(bench_A) else bench_A != 0.0
        enabled = enable >= 0.5
        if not enabled or not demand:
            self.tripped = False
        elif self._running and not up:
            self.tripped = True
        self._running = enabled and up and not self.tripped and (self._running or circuit.direct)
        if self._running:
            self._run(torque_Nm, speed_rpm, bench_A, link_V, self.config.aux_W * circuit.direct)
        else:
            self._stop()
        self._publish(self._state(up), link_V)

    def _state(self, up: bool) -> int:
        if self.tripped:
            return FAULT
        if self._running:
            return RUN
        return READY if up else OFF

    def _run(self, request_Nm: float, speed_rpm: float, bench_A: float, link_V: float, aux_W: float) -> None:
        config = self.config
        self._bench_A = bench_A
        if not isnan(bench_A):
            self.draws = bench_A != 0.0
            self.torque_Nm = self.power_W = 0.0
            self._loss_W = abs(bench_A * link_V) * (1.0 - config.efficiency)
            return
        speed = speed_rpm * _RAD_PER_S
        limit_Nm = config.max_torque_Nm
        if abs(speed) * limit_Nm > config.max_power_W:
            limit_Nm = config.max_power_W / abs(speed)
        slew_Nm = config.max_torque_Nm * self._step_s / config.slew_s
        change_Nm = min(max(request_Nm - self.torque_Nm, -slew_Nm), slew_Nm)
        self.torque_Nm = min(max(self.torque_Nm + change_Nm, -limit_Nm), limit_Nm)
        shaft_W = self.torque_Nm * speed
        motor_W = shaft_W / config.efficiency if shaft_W > 0.0 else shaft_W * config.efficiency
        self.power_W = motor_W + aux_W
        self.draws = self.power_W != 0.0
        self._loss_W = motor_W - shaft_W

    def _stop(self) -> None:
        self.torque_Nm = self.power_W = self._loss_W = 0.0
        self._bench_A, self.draws = nan, False

    def trip(self) -> None:
        """The link has left the drive's range under load: the pulses stop at once."""
        self.tripped = True
        self._running = False
        self._stop()

    def current(self, circuit: Circuit, feed_A: float) -> float:
        """Current that it takes from the link, in A.

        Behind closed main contactors the power is met exactly, by the root of ``P = I (E - R I)``;
        else the capacitor's voltage stands for the step. ``feed_A`` is what a charger feeds in.
        """
        power_W = self.power_W
        if not isnan(self._bench_A):
            return self._bench_A
        if power_W == 0.0:
            return 0.0
        if not circuit.direct:
            return power_W / circuit.link_V
        resistance = circuit.resistance_Ohm
        emf_V = circuit.emf_V + resistance * feed_A
        square = emf_V * emf_V - 4.0 * resistance * power_W
        if square < 0.0:  # more than the pack can give: the link falls to half, which trips
            return emf_V / (2.0 * resistance)
        return 2.0 * power_W / (emf_V + sqrt(square))

    def _publish(self, state: int, link_V: float) -> None:
        ambient, loss_W = self._ambient_degC, self._loss_W
        motor = ambient + loss_W * _MOTOR_SHARE * _MOTOR_K_PER_W
        inverter = ambient + loss_W * (1.0 - _MOTOR_SHARE) * _INVERTER_K_PER_W
        self._motor_degC = motor + (self._motor_degC - motor) * self._keep_motor
        self._inverter_degC = inverter + (self._inverter_degC - inverter) * self._keep_inverter
        self._shown.publish(
            [
                float(state),
                self.torque_Nm,
                self._set.values[_SPEED],
                self.drawn_A,
                link_V,
                self._motor_degC,
                self._inverter_degC,
            ]
        )

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "set": self._set.save(),
            "shown": self._shown.save(),
            "flags": [self.tripped, self._running],
            "numbers": [self.torque_Nm, self.power_W, self.drawn_A, self._loss_W, self._bench_A],
            "range_V": self.low_V,
            "temperatures": [self._motor_degC, self._inverter_degC],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._set.restore(state["set"])
        self._shown.restore(state["shown"])
        self.tripped, self._running = state["flags"]
        self.torque_Nm, self.power_W, self.drawn_A, self._loss_W, self._bench_A = state["numbers"]
        self.draws = self.power_W != 0.0 if isnan(self._bench_A) else self._bench_A != 0.0
        self.low_V = state["range_V"]
        self._motor_degC, self._inverter_degC = state["temperatures"]
