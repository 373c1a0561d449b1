"""A CC/CV charger on the DC link, with the manners of an Elcon/TC: told often, or it stops."""

from __future__ import annotations

from typing import Any

import simpy

from twins.circuit import Circuit
from twins.config import ChargerConfig
from twins.drive import UP
from twins.port import Bank, Port

FAILURES = ("no_output", "ignore_commands", "overshoot")

_PLUGGED, _VOLTAGE_MAX, _CURRENT_MAX, _CONTROL = range(4)
_OVERSHOOT_A, _OVERSHOOT_V = 1.30, 1.05
_STOP = 1.0


class Charger:
    """It charges while it is plugged, told to (freshly), and sees a battery.

    Constant current up to the commanded voltage, which is then held exactly: the current is solved
    from the circuit's EMF and resistance.

    Attributes:
        current_A: Given in the last step, >= 0.
        input_W: Taken from the mains for it.
    """

    def __init__(self, env: simpy.Environment, config: ChargerConfig) -> None:
        self.config = config
        self._env = env
        self._set = Bank([0.0] * 4)
        self._shown = Bank([0.0] * 7)
        self.ports = (*self._inputs(), *self._outputs())
        self.reset()

    def _inputs(self) -> tuple[Port, ...]:
        bank, heard = self._set, self._hear
        return (
            Port("charger.plugged", "", bank, _PLUGGED, 0, 1, "in"),
            Port("charger.voltage_max", "V", bank, _VOLTAGE_MAX, 0, 1e4, "in", heard),
            Port("charger.current_max", "A", bank, _CURRENT_MAX, 0, 1e4, "in", heard),
            Port("charger.control", "", bank, _CONTROL, 0, 1, "in", heard),
        )

    def _outputs(self) -> tuple[Port, ...]:
        rows = (
            ("voltage", "V", 0, 1500),
            ("current", "A", 0, _OVERSHOOT_A * self.config.max_A),
            ("hardware_failure", "", 0, 1),
            ("over_temperature", "", 0, 1),
            ("input_voltage_wrong", "", 0, 1),
            ("no_battery", "", 0, 1),
            ("communication_timeout", "", 0, 1),
        )
        return tuple(
            Port(f"charger.{name}", unit, self._shown, index, low, high)
            for index, (name, unit, low, high) in enumerate(rows)
        )

    def reset(self) -> None:
        """Unplugged, never told anything, whole."""
        self._set.held.clear()
        self._shown.held.clear()
        self._set.publish([0.0, 0.0, 0.0, _STOP])
        self._shown.publish([0.0] * 7)
        self._failure: str | None = None
        self._heard_ns = int(self._env.now)  # the watchdog starts with the charger
        self._last = (0.0, 0.0)
        self._limit_V = self._limit_A = 0.0
        self.current_A = self.input_W = 0.0

    def safe(self) -> None:
        """Told to stop, and unplugged."""
        self._set.publish([0.0, 0.0, 0.0, _STOP])

    def fail(self, mode: str | None) -> None:
        """Break it: one of :data:`FAILURES`.

        ``no_output`` gives nothing, ``ignore_commands`` goes on although it is told to stop, and
        ``overshoot`` gives 30 % more current and 5 % more voltage than it is told.

        Raises:
            ValueError: If there is no such failure.
        """
        if mode is not None and mode not in FAILURES:
            raise ValueError(f"a charger cannot fail by {mode!r}: {', '.join(FAILURES)}")
        self._failure = mode

    def _hear(self, _value: float) -> None:
        self._heard_ns = int(self._env.now)

    def update(self, circuit: Circuit, emf_V: float) -> None:
        """Take the commands for the next step and show the last one."""
        plugged, voltage_V, current_A, control = self._set.values
        silent = self._env.now - self._heard_ns >= self.config.timeout_ns
        told = control < 0.5 and not silent
        battery = circuit.connected and circuit.link_V > UP * emf_V
        if told:
            self._last = (min(voltage_V, self.config.max_V), min(current_A, self.config.max_A))
        on = told or self._failure == "ignore_commands"
        self._limit_V, self._limit_A = self._last
        if self._failure == "overshoot":
            self._limit_V *= _OVERSHOOT_V
            self._limit_A *= _OVERSHOOT_A
        if not (on and plugged >= 0.5 and battery) or self._failure == "no_output":
            self._limit_A = 0.0
        self._publish(circuit.link_V, plugged >= 0.5, battery, silent)

    def _publish(self, link_V: float, plugged: bool, battery: bool, silent: bool) -> None:
        if not plugged:
            self._shown.publish([0.0] * 7)
            return
        self.input_W = self.current_A * link_V / self.config.efficiency
        flags = [0.0, 0.0, 0.0, float(not battery), float(silent)]
        self._shown.publish([link_V, self.current_A, *flags])

    def current(self, circuit: Circuit, drive_A: float) -> float:
        """Current that it feeds into the link, in A.

        Constant current, unless that would settle above the voltage limit: then just enough to
        settle on it. Without a battery at its terminals it gives nothing.
        """
        limit_A = self._limit_A
        if limit_A == 0.0 or not circuit.connected:
            return 0.0
        holding_A = (self._limit_V - circuit.emf_V) / circuit.resistance_Ohm + drive_A
        return min(max(holding_A, 0.0), limit_A)

    def save(self) -> dict[str, Any]:
        """The whole state; times count from now."""
        return {
            "set": self._set.save(),
            "shown": self._shown.save(),
            "failure": self._failure,
            "silent_ns": int(self._env.now) - self._heard_ns,
            "last": list(self._last),
            "limits": [self._limit_V, self._limit_A],
            "given": [self.current_A, self.input_W],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._set.restore(state["set"])
        self._shown.restore(state["shown"])
        self._failure = state["failure"]
        self._heard_ns = int(self._env.now) - state["silent_ns"]
        voltage_V, current_A = state["last"]
        self._last = (voltage_V, current_A)
        self._limit_V, self._limit_A = state["limits"]
        self.current_A, self.input_W = state["given"]
