"""The precharge resistor: it warms by its power, and is gone for good when it gets too hot."""

from __future__ import annotations

from math import exp, inf
from typing import Any

from twins.config import LinkConfig
from twins.course import Body, Course, reaches

_REFERENCE_degC = 25.0  # to which data sheets refer rated power and pulse energy


class PrechargeResistor:
    """One body of heat at an ambient temperature; its current and time come from the circuit.

    Attributes:
        burnt: Whether it has burnt out.
        heat_J: What it has turned into heat so far.
        idle_s: Time without current since its temperature was last worked out.
    """

    def __init__(self, link: LinkConfig, ambient_degC: float) -> None:
        self._link = link
        self._ambient_degC = ambient_degC
        self._capacity_J_per_K = link.precharge_pulse_J / (link.precharge_burn_degC - _REFERENCE_degC)
        watts_per_K = link.precharge_rated_W / (link.precharge_max_degC - _REFERENCE_degC)
        gain = link.precharge_Ohm / self._capacity_J_per_K
        self._body = Body(gain, watts_per_K / self._capacity_J_per_K)
        self.reset()

    def reset(self) -> None:
        """Whole and cold."""
        self.burnt = False
        self.heat_J = self.idle_s = self._excess_K = 0.0

    def _cool(self) -> None:
        """Bring the temperature up to date after a time without current."""
        if self.idle_s:
            self._excess_K *= exp(-self._body.loss_per_s * self.idle_s)
            self.idle_s = 0.0

    @property
    def temperature_degC(self) -> float:
        """How hot it is."""
        self._cool()
        return self._ambient_degC + self._excess_K

    @property
    def allowed_W(self) -> float:
        """What it may have for ever at its temperature: the data sheet's derating curve."""
        link = self._link
        span_K = link.precharge_max_degC - _REFERENCE_degC
        share = (link.precharge_max_degC - self.temperature_degC) / span_K
        return link.precharge_rated_W * min(max(share, 0.0), 1.0)

    def heat(self, temperature_degC: float) -> None:
        """Let it be hot, as after many attempts.

        Raises:
            ValueError: If it is below the ambient temperature, or infinite.
        """
        if temperature_degC == inf:
            raise ValueError(f"a precharge resistor cannot be at {temperature_degC:g} degC")
        if not temperature_degC >= self._ambient_degC:
            raise ValueError(
                f"a precharge resistor is not colder than its surroundings, {self._ambient_degC:g} degC"
            )
        self._cool()
        self._excess_K = temperature_degC - self._ambient_degC

    def burns_within(self, current: Course, dt_s: float) -> float | None:
        """When it burns out if this current goes on for ``dt_s``; ``None``: it does not."""
        self._cool()
        limit_K = self._link.precharge_burn_degC - self._ambient_degC
        return reaches((self._body,), (self._excess_K,), limit_K, current, dt_s)

    def burn(self) -> None:
        """Burn out now."""
        self.burnt = True

    def carry(self, current: Course, dt_s: float) -> float:
        """Carry a current for ``dt_s``.

        Returns:
            The heat in J.
        """
        self._cool()
        self._excess_K = self._body.warmed(self._excess_K, current, dt_s)
        heat_J = self._link.precharge_Ohm * current.square_integral(dt_s)
        self.heat_J += heat_J
        return heat_J

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {"burnt": self.burnt, "numbers": [self.heat_J, self.idle_s, self._excess_K]}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self.burnt = state["burnt"]
        self.heat_J, self.idle_s, self._excess_K = state["numbers"]
