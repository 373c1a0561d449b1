"""Loads on the DC link beside the drive: heaters, DC/DC converters, compressors."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from twins.circuit import Circuit
from twins.config import LoadConfig
from twins.port import Bank, Port

_AGAIN = 1.05  # of the voltage below which it stops: it starts again here
_HIGHEST_A, _HIGHEST_W = 3000.0, 1e6


class Loads:
    """All of them: resistors join the link's shunts, the others are solved for with the circuit.

    Attributes:
        current_A: What those that are no resistors take from the link together.
        floor_V: The link voltage below which the first of those that draw stops; 0: none draws.
    """

    def __init__(self, configs: Mapping[str, LoadConfig], circuit: Circuit) -> None:
        self._configs = tuple(configs.values())
        self._circuit = circuit
        count = len(self._configs)
        self._wanted = Bank([0.0] * count)
        self._shown = Bank([0.0] * (2 * count))
        self.ports = tuple(port for k, name in enumerate(configs) for port in self._ports_of(name, k))
        self.reset()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._configs)

    def _ports_of(self, name: str, k: int) -> tuple[Port, ...]:
        return (
            Port(f"load.{name}.on", "", self._wanted, k, 0, 1, "in"),
            Port(f"load.{name}.current", "A", self._shown, 2 * k, 0, _HIGHEST_A),
            Port(f"load.{name}.power", "W", self._shown, 2 * k + 1, 0, _HIGHEST_W),
        )

    def reset(self) -> None:
        """On or off as configured."""
        self._wanted.held.clear()
        self._shown.held.clear()
        self._wanted.publish([float(config.on) for config in self._configs])
        self._shown.publish([0.0] * (2 * len(self._configs)))
        self._on = [False] * len(self._configs)
        self._amperes = [0.0] * len(self._configs)
        self.current_A = self.floor_V = 0.0

    def safe(self) -> None:
        """All off."""
        self._wanted.publish([0.0] * len(self._configs))

    def update(self) -> None:
        """Take the switches for the next step, and show what flows now."""
        link_V = self._circuit.link_V
        for k, config in enumerate(self._configs):
            enough = config.min_V if self._on[k] else config.min_V * _AGAIN
            self._on[k] = self._wanted.values[k] >= 0.5 and link_V >= enough
        self._switch()
        self._publish(link_V)

    def drop_out(self) -> None:
        """The link has fallen to :attr:`floor_V`: whoever needs more stops at once."""
        for k, config in enumerate(self._configs):
            if config.min_V >= self.floor_V:
                self._on[k] = False
        self._switch()

    def _switch(self) -> None:
        pairs = [pair for pair in zip(self._configs, self._on, strict=True) if pair[1]]
        self._circuit.set_loads(sum(1.0 / c.resistance_Ohm for c, _ in pairs if c.resistance_Ohm is not None))
        self.floor_V = max((config.min_V for config, _ in pairs), default=0.0)

    def solve(self, others_A: float) -> float:
        """What they take together from the link from now on, in A.

        A power is met exactly where the link settles, with what the others took in the last step. With
        open main contactors the capacitor's voltage stands for the step.

        Args:
            others_A: What else is taken from the link, less what is fed in.
        """
        circuit = self._circuit
        together = self.current_A
        for k, config in enumerate(self._configs):
            amperes = 0.0
            if self._on[k] and config.current_A is not None:
                amperes = config.current_A
            elif self._on[k] and config.power_W is not None:
                rest_A = others_A + together - self._amperes[k]
                amperes = _taken(circuit, config.power_W, rest_A)
            together += amperes - self._amperes[k]
            self._amperes[k] = amperes
        self.current_A = sum(self._amperes)
        return self.current_A

    def _publish(self, link_V: float) -> None:
        shown: list[float] = []
        for k, config in enumerate(self._configs):
            resistor = config.resistance_Ohm is not None and self._on[k]
            amperes = link_V / (config.resistance_Ohm or 1.0) if resistor else self._amperes[k]
            shown += [amperes, amperes * link_V]
        self._shown.publish(shown)

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "wanted": self._wanted.save(),
            "shown": self._shown.save(),
            "on": list(self._on),
            "amperes": list(self._amperes),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._wanted.restore(state["wanted"])
        self._shown.restore(state["shown"])
        self._on, self._amperes = list(state["on"]), list(state["amperes"])
        self.current_A = sum(self._amperes)
        self._switch()


def _taken(circuit: Circuit, power_W: float, others_A: float) -> float:
    """Current of a constant power: the root of ``P = I (E - R I)``, at most what the source can give."""
    if not circuit.direct:
        return power_W / circuit.link_V if circuit.link_V > 0.0 else 0.0
    resistance_Ohm = circuit.resistance_Ohm
    emf_V = circuit.emf_V - resistance_Ohm * others_A
    square = emf_V * emf_V - 4.0 * resistance_Ohm * power_W
    if square < 0.0:
        return max(0.0, emf_V / (2.0 * resistance_Ohm))
    return 2.0 * power_W / (emf_V + sqrt(square)) if emf_V > 0.0 else 0.0
