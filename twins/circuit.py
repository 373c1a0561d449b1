"""The high-voltage circuit: pack, contactors, precharge resistor, DC link and what hangs on it.

With the pack as EMF *E* behind *R*, the path's conductance *g* = 1/(R + path) and the link's shunts
*S* (bleed, active discharge, short), Kirchhoff gives ``C dV/dt = g (E - V) - S V - load``: one time
constant ``C / (g + S)``, so any step is exact while E, R and the load stand still. A precharge, a
discharge, a hard connection and a short are the same formula with other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, expm1, inf, log
from typing import Any

from twins.config import ContactorConfig, LinkConfig


def _nothing() -> None:
    """What a circuit on its own has to be brought up to date with."""


class Circuit:
    """State and solution of the circuit.

    Attributes:
        link_V: Voltage of the DC link's capacitor.
        pack_A: The pack's current at this instant, > 0 discharges it.
        connected: Whether any path joins pack and link.
        direct: Whether the main contactors do.
        precharge_J: Heat in the precharge resistor so far.
        emf_V: EMF that the link's loads see (:meth:`view`).
        resistance_Ohm: Resistance that they see.
    """

    def __init__(
        self, link: LinkConfig, contactor: ContactorConfig, touch: Callable[[], None] | None = None
    ) -> None:
        """All open; ``touch`` brings the physics to this instant before a fault is switched."""
        self._touch = touch or _nothing
        self._link = link
        self._contact_Ohm = contactor.contact_Ohm
        self._capacitance_F = link.capacitance_F
        self.reset()

    def reset(self) -> None:
        """Everything open, discharged and whole."""
        self.link_V = self.pack_A = self.precharge_J = 0.0
        self.emf_V = 0.0
        self._pack = (0.0, 1.0)
        self._closed = (False, False, False)
        self._precharge_open = False
        self._short_Ohm: float | None = None
        self._discharging = False
        self._wire()

    def connect(self, *, main_plus: bool, main_minus: bool, precharge: bool) -> None:
        """Where the contacts are; the caller has advanced the physics to this instant."""
        self._closed = (main_plus, main_minus, precharge)
        self._wire()

    def set_precharge_open(self, on: bool) -> None:
        """Burn the precharge resistor out, or mend it."""
        self._touch()
        self._precharge_open = on
        self._wire()

    def set_link_short(self, resistance_Ohm: float | None) -> None:
        """Short the link with a resistance, or mend it with ``None``.

        Raises:
            ValueError: If the resistance is not positive.
        """
        if resistance_Ohm is not None and not 0.0 < resistance_Ohm < inf:
            raise ValueError(f"a short needs a positive resistance, not {resistance_Ohm!r} Ohm")
        self._touch()
        self._short_Ohm = resistance_Ohm
        self._wire()

    def set_discharging(self, on: bool) -> None:
        """Switch the drive's active discharge."""
        if on != self._discharging:
            self._discharging = on
            self._wire()

    def _wire(self) -> None:
        """Resistances anew after something was switched."""
        main_plus, main_minus, precharge = self._closed
        link, contact = self._link, self._contact_Ohm
        through_precharge = precharge and not self._precharge_open
        precharge_S = 1.0 / (contact + link.precharge_Ohm) if through_precharge else 0.0
        plus_S = precharge_S + (1.0 / contact if main_plus else 0.0)
        self.connected = main_minus and plus_S > 0.0
        self.direct = main_minus and main_plus
        self._path_Ohm = contact + 1.0 / plus_S if self.connected else inf
        self._precharge_share = precharge_S / plus_S if self.connected else 0.0
        self._shunt_S = 1.0 / link.bleed_Ohm
        if self._discharging:
            self._shunt_S += 1.0 / link.discharge_Ohm
        if self._short_Ohm is not None:
            self._shunt_S += 1.0 / self._short_Ohm
        self.view(*self._pack)

    def view(self, emf_V: float, resistance_Ohm: float) -> None:
        """See the pack as it is now: sets what the loads see, and the current of this instant."""
        pack_S = 1.0 / (resistance_Ohm + self._path_Ohm)
        total_S = pack_S + self._shunt_S
        self._pack = (emf_V, resistance_Ohm)
        self._pack_S = pack_S
        self.emf_V = emf_V * pack_S / total_S
        self.resistance_Ohm = 1.0 / total_S
        self.pack_A = pack_S * (emf_V - self.link_V)

    def current_through(self, contactor: str) -> float:
        """Current that a contactor would break if it opened now, in A."""
        if contactor == "main_minus":
            return self.pack_A
        share = self._precharge_share
        return self.pack_A * (share if contactor == "precharge" else 1.0 - share)

    def voltage_after(self, load_A: float, dt_s: float) -> float:
        """Link voltage after ``dt_s`` with this load."""
        settled = self.emf_V - load_A * self.resistance_Ohm
        decay = exp(-dt_s / (self._capacitance_F * self.resistance_Ohm))
        return settled + (self.link_V - settled) * decay

    def time_to(self, voltage_V: float, load_A: float) -> float:
        """Time in s until the link reaches a voltage that lies on its way to the settled one."""
        settled = self.emf_V - load_A * self.resistance_Ohm
        ratio = (self.link_V - settled) / (voltage_V - settled)
        return self._capacitance_F * self.resistance_Ohm * max(0.0, log(ratio))

    def advance(self, load_A: float, dt_s: float) -> float:
        """Advance by ``dt_s`` with this load on the link, after :meth:`view`.

        Returns:
            The pack's mean current in the step: what conserves its charge.
        """
        settled = self.emf_V - load_A * self.resistance_Ohm
        x = dt_s / (self._capacitance_F * self.resistance_Ohm)
        away = self.link_V - settled
        fallen = -expm1(-x)
        self.link_V = link_V = settled + away * (1.0 - fallen)
        if not self.connected:
            return 0.0
        pack_S, emf_V = self._pack_S, self._pack[0]
        steady = pack_S * (emf_V - settled)
        self.pack_A = pack_S * (emf_V - link_V)
        if self._precharge_share:
            self._heat(steady, -pack_S * away, x, dt_s)
        return steady - pack_S * away * fallen / x

    def _heat(self, steady_A: float, extra_A: float, x: float, dt_s: float) -> None:
        """Heat of the current ``steady + extra exp(-t/tau)`` in the precharge resistor, exactly."""
        square = (
            steady_A * steady_A
            - 2.0 * steady_A * extra_A * expm1(-x) / x
            - 0.5 * extra_A * extra_A * expm1(-2.0 * x) / x
        )
        share = self._precharge_share
        self.precharge_J += share * share * self._link.precharge_Ohm * square * dt_s

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "link_V": self.link_V,
            "pack_A": self.pack_A,
            "pack": list(self._pack),
            "precharge_J": self.precharge_J,
            "closed": list(self._closed),
            "broken": [self._precharge_open, self._short_Ohm],
            "discharging": self._discharging,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        main_plus, main_minus, precharge = state["closed"]
        self._closed = (main_plus, main_minus, precharge)
        self._precharge_open, self._short_Ohm = state["broken"]
        self._discharging = state["discharging"]
        emf_V, resistance_Ohm = state["pack"]
        self._pack = (emf_V, resistance_Ohm)
        self._wire()
        self.link_V, self.pack_A = state["link_V"], state["pack_A"]
        self.precharge_J = state["precharge_J"]
