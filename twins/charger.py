"""A CC/CV charger on the DC link: its power stage. Told often, or it stops.

The model is averaged over the switching of its converter: a current source that obeys limits of
current, voltage, power, mains and temperature, in this order of the energy's way: mains → losses →
heat sink → output current, which rises and falls at a limited rate and carries a ripple.

The ripple is integrated exactly over each step (the mean of a sine between two instants), so that
its charge does not depend on the step; a step of whole periods sees none of it.
"""

from __future__ import annotations

from math import cos, exp, inf, pi
from typing import Any

import simpy

from twins.config import ChargerConfig
from twins.drive import UP
from twins.inlet import Terminals
from twins.port import Bank, Port

FAILURES = ("no_output", "ignore_commands", "overshoot", "stuck_current", "silent")

_PLUGGED, _VOLTAGE_MAX, _CURRENT_MAX, _CONTROL, _MAINS, _AMBIENT = range(6)
_COMMANDS = slice(_VOLTAGE_MAX, _CONTROL + 1)
_OVERSHOOT_A, _OVERSHOOT_V = 1.30, 1.05
_STOP = 1.0
_SHOWN = 10  # output ports


class Charger:
    """It charges while it is plugged, told to (freshly), and sees a battery and its mains.

    Constant current up to the commanded voltage, which is then held exactly: the current is solved
    from the circuit's EMF and resistance.

    Attributes:
        current_A: Given in the last step, >= 0.
        input_W: Taken from the mains for it.
        input_J: Taken from the mains since the reset.
        temperature_degC: Of its heat sink.
    """

    def __init__(self, env: simpy.Environment, config: ChargerConfig) -> None:
        self.config = config
        self._env = env
        self._rated_loss_W = config.full_W * (1.0 / config.efficiency - 1.0) + config.idle_W
        self._set = Bank([0.0] * 6)
        self._shown = Bank([0.0] * _SHOWN)
        self.ports = (*self._inputs(), *self._outputs())
        self.reset()

    def _inputs(self) -> tuple[Port, ...]:
        bank, heard = self._set, self._hear
        return (
            Port("charger.plugged", "", bank, _PLUGGED, 0, 1, "in"),
            Port("charger.voltage_max", "V", bank, _VOLTAGE_MAX, 0, 1e4, "in", heard),
            Port("charger.current_max", "A", bank, _CURRENT_MAX, 0, 1e4, "in", heard),
            Port("charger.control", "", bank, _CONTROL, 0, 1, "in", heard),
            Port("charger.mains_voltage", "V", bank, _MAINS, 0, 1000, "in"),
            Port("charger.ambient", "degC", bank, _AMBIENT, -60, 100, "in"),
        )

    def _outputs(self) -> tuple[Port, ...]:
        config = self.config
        rows = (
            ("voltage", "V", 0, 1500),
            ("current", "A", 0, _OVERSHOOT_A * config.max_A + config.ripple_A),
            ("hardware_failure", "", 0, 1),
            ("over_temperature", "", 0, 1),
            ("input_voltage_wrong", "", 0, 1),
            ("no_battery", "", 0, 1),
            ("communication_timeout", "", 0, 1),
            ("temperature", "degC", -60, 300),
            ("input_power", "W", 0, inf),
            ("talking", "", 0, 1),
        )
        return tuple(
            Port(f"charger.{name}", unit, self._shown, index, low, high)
            for index, (name, unit, low, high) in enumerate(rows)
        )

    def reset(self) -> None:
        """Unplugged, never told anything, whole, cold."""
        config = self.config
        self._set.held.clear()
        self._shown.held.clear()
        self._set.publish([0.0, 0.0, 0.0, _STOP, config.mains_V, config.ambient_degC])
        self.temperature_degC = config.ambient_degC
        self._failure: str | None = None
        self._heard_ns = int(self._env.now)  # the watchdog starts with the charger
        self._frozen = [0.0, 0.0, _STOP]  # the commands that it heard last before it fell silent
        self._stuck_A = 0.0
        self._last = (0.0, 0.0)
        self._limit_V = self._limit_A = 0.0
        self._ramp_A = 0.0
        self._tripped = False
        self._zero_ns = self._updated_ns = self._rippled_ns = int(self._env.now)
        self._ripple_A = 0.0
        self.current_A = self.input_W = self.input_J = 0.0
        self._shown.publish(self._readings([0.0] * 7))

    def safe(self) -> None:
        """Told to stop, and unplugged."""
        mains_V, ambient_degC = self._set.readings[_MAINS:]
        self._set.publish([0.0, 0.0, 0.0, _STOP, mains_V, ambient_degC])

    def fail(self, mode: str | None) -> None:
        """Break it: one of :data:`FAILURES`.

        ``no_output`` gives nothing. ``ignore_commands`` goes on although it is told to stop.
        ``overshoot`` gives 30 % more current and 5 % more voltage than it is told. ``stuck_current``
        goes on with the current of this instant up to its own highest voltage, whatever it is told.
        ``silent`` hears and says nothing any more, and stops after its timeout.

        Raises:
            ValueError: If there is no such failure.
        """
        if mode is not None and mode not in FAILURES:
            raise ValueError(f"a charger cannot fail by {mode!r}: {', '.join(FAILURES)}")
        self._failure = mode
        self._stuck_A = self.current_A
        self._frozen = self._set.values[_COMMANDS]

    def _hear(self, _value: float) -> None:
        if self._failure != "silent":
            self._heard_ns = int(self._env.now)

    # --- one step -----------------------------------------------------------------------------

    def update(self, circuit: Terminals, emf_V: float) -> None:
        """Take the commands for the next step and show the last one."""
        now_ns = int(self._env.now)
        dt_s = (now_ns - self._updated_ns) * 1e-9
        self._updated_ns = now_ns
        plugged = self._set.values[_PLUGGED] >= 0.5
        heard = self._frozen if self._failure == "silent" else self._set.values[_COMMANDS]
        voltage_V, current_A, control = heard
        silent = now_ns - self._heard_ns >= self.config.timeout_ns
        told = control < 0.5 and not silent
        battery = circuit.connected and circuit.link_V > UP * emf_V
        if told:
            self._last = (min(voltage_V, self.config.max_V), min(current_A, self.config.max_A))
        self._account(circuit.link_V, plugged, dt_s)
        powered = plugged and battery and self._has_mains and not self._tripped
        self._aim(told or self._failure == "ignore_commands", powered, circuit.link_V, dt_s)
        self._publish(circuit.link_V, plugged, battery, silent)

    @property
    def _has_mains(self) -> bool:
        config = self.config
        return config.mains_min_V <= self._set.values[_MAINS] <= config.mains_max_V

    def _account(self, link_V: float, plugged: bool, dt_s: float) -> None:
        """Losses and heat of the step that is over."""
        config = self.config
        output_W = self.current_A * link_V
        idle_W = config.idle_W if plugged and self._has_mains else 0.0
        self.input_W = output_W / config.efficiency + idle_W
        self.input_J += self.input_W * dt_s
        settled = self._set.values[_AMBIENT]
        if config.heating_K > 0.0 and self._rated_loss_W > 0.0:
            settled += config.heating_K * (self.input_W - output_W) / self._rated_loss_W
            keep = exp(-dt_s / config.warming_s)
            self.temperature_degC = settled + (self.temperature_degC - settled) * keep
        else:
            self.temperature_degC = settled
        hot = self.temperature_degC >= config.trip_degC
        self._tripped = hot or (self._tripped and self.temperature_degC > config.derate_degC)

    def _aim(self, on: bool, powered: bool, link_V: float, dt_s: float) -> None:
        """Limits of the next step."""
        self._limit_V, limit_A = self._last
        if self._failure == "overshoot":
            self._limit_V *= _OVERSHOOT_V
            limit_A *= _OVERSHOOT_A
        elif self._failure == "stuck_current":
            self._limit_V, limit_A, on = self.config.max_V, self._stuck_A, True
        if not on or self._failure == "no_output" or self._limit_V < self.config.min_V:
            limit_A = 0.0
        if not powered or self._failure == "no_output":
            self._ramp_A = self._limit_A = 0.0  # a switch opens: no ramp
            return
        limit_A = min(limit_A, self._available(link_V))
        self._ramp_A = self._limit_A = self._ramped(limit_A, dt_s)

    def _available(self, link_V: float) -> float:
        """Current that power, mains and temperature leave, in A."""
        config = self.config
        power_W = min(config.max_W, config.output_of(self._set.values[_MAINS]))
        span_K = config.trip_degC - config.derate_degC
        share = min(1.0, (config.trip_degC - self.temperature_degC) / span_K)
        warm_A = inf if share >= 1.0 else max(0.0, share) * config.max_A
        return min(power_W / max(link_V, 1.0), warm_A)

    def _ramped(self, limit_A: float, dt_s: float) -> float:
        """The limit as far as the current may have gone towards it in ``dt_s``."""
        config, before_A = self.config, self._ramp_A
        if limit_A > before_A and config.rise_s > 0.0:
            return min(limit_A, before_A + config.max_A * dt_s / config.rise_s)
        if limit_A < before_A and config.fall_s > 0.0:
            # from what flows: at constant voltage that is less than the limit
            return max(limit_A, min(before_A, self.current_A) - config.max_A * dt_s / config.fall_s)
        return limit_A

    def _publish(self, link_V: float, plugged: bool, battery: bool, silent: bool) -> None:
        if not plugged:
            self._shown.publish(self._readings([0.0] * 7))
            return
        flags = [0.0, float(self._tripped), float(not self._has_mains), float(not battery), float(silent)]
        self._shown.publish(self._readings([link_V, self.current_A, *flags]))

    def _readings(self, said: list[float]) -> list[float]:
        return [*said, self.temperature_degC, self.input_W, float(self._failure != "silent")]

    def current(self, circuit: Terminals, drive_A: float) -> float:
        """Current that it feeds into the link, in A.

        Constant current, unless that would settle above the voltage limit: then just enough to
        settle on it. Without a battery at its terminals it gives nothing.
        """
        limit_A = self._limit_A
        if limit_A == 0.0 or not circuit.connected:
            self._rippled_ns = int(self._env.now)
            return 0.0
        holding_A = (self._limit_V - circuit.emf_V) / circuit.resistance_Ohm + drive_A
        given_A = min(max(holding_A, 0.0), limit_A)
        if self.config.ripple_A == 0.0 or given_A == 0.0:
            return given_A
        return max(0.0, given_A + self._ripple())

    def _ripple(self) -> float:
        """Mean of the ripple since it was last asked for; in the same instant, the same again."""
        now_ns, since_ns = int(self._env.now), self._rippled_ns
        if now_ns != since_ns:
            amplitude_A, period_ns = self.config.ripple_A, self.config.ripple_period_ns
            # whole periods integrate to nothing; the phase as an integer stays exact for years
            phases = ((t - self._zero_ns) % period_ns / period_ns for t in (since_ns, now_ns))
            begin, end = (2.0 * pi * phase for phase in phases)
            span = 2.0 * pi * (now_ns - since_ns) / period_ns
            self._ripple_A = amplitude_A * (cos(begin) - cos(end)) / span
            self._rippled_ns = now_ns
        return self._ripple_A

    # --- forks --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """The whole state; times count from now."""
        now_ns = int(self._env.now)
        marks_ns = (self._heard_ns, self._zero_ns, self._updated_ns, self._rippled_ns)
        return {
            "set": self._set.save(),
            "shown": self._shown.save(),
            "failure": [self._failure, list(self._frozen), self._stuck_A],
            "ago_ns": [now_ns - mark_ns for mark_ns in marks_ns],
            "last": list(self._last),
            "limits": [self._limit_V, self._limit_A, self._ramp_A, self._ripple_A],
            "given": [self.current_A, self.input_W, self.input_J],
            "heat": [self.temperature_degC, self._tripped],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        now_ns = int(self._env.now)
        self._set.restore(state["set"])
        self._shown.restore(state["shown"])
        self._failure, self._frozen, self._stuck_A = state["failure"]
        marks_ns = (now_ns - ago_ns for ago_ns in state["ago_ns"])
        self._heard_ns, self._zero_ns, self._updated_ns, self._rippled_ns = marks_ns
        voltage_V, current_A = state["last"]
        self._last = (voltage_V, current_A)
        self._limit_V, self._limit_A, self._ramp_A, self._ripple_A = state["limits"]
        self.current_A, self.input_W, self.input_J = state["given"]
        self.temperature_degC, self._tripped = state["heat"]
