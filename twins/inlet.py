"""The charge inlet: contactors of its own between charger and pack, before the main contactors."""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

from twins.circuit import Circuit
from twins.config import ContactorConfig


class Terminals(Protocol):
    """What a charger works against: the circuit itself, or an inlet of its own."""

    @property
    def connected(self) -> bool:
        """Whether a battery is joined to it."""

    @property
    def link_V(self) -> float:
        """The voltage at its terminals."""

    @property
    def emf_V(self) -> float:
        """The EMF behind them, once all has settled."""

    @property
    def resistance_Ohm(self) -> float:
        """The resistance before that EMF."""


class Inlet:
    """The circuit as a charger sees it behind charge contactors; it has a circuit's attributes.

    With ``charge = "plus"`` there is one contactor, and the charger's minus lies behind the main minus
    contactor; with ``"both"`` there are two, and the charger reaches the pack with the mains open.

    Attributes:
        feed_A: What the charger feeds in.
    """

    def __init__(self, circuit: Circuit, config: ContactorConfig) -> None:
        self._circuit = circuit
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Open."""
        self.feed_A = 0.0
        self._joined = False

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {"feed_A": self.feed_A, "joined": self._joined}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self.feed_A, self._joined = state["feed_A"], state["joined"]

    def join(self, *, plus: bool, minus: bool) -> None:
        """Where the contacts of both its poles are."""
        self._joined = plus and minus

    @property
    def connected(self) -> bool:
        """Whether it is joined to cells."""
        return self._joined and self._circuit.alive

    @property
    def live(self) -> bool:
        """Whether its contacts carry the pack's voltage."""
        return self._joined

    @property
    def link_V(self) -> float:
        """The voltage at the charger's terminals."""
        if not self._joined:
            return 0.0
        return self._circuit.terminal_V + self.feed_A * 2.0 * self._config.contact_Ohm

    @property
    def emf_V(self) -> float:
        """The EMF that the charger works against, without itself."""
        return self._circuit.seen_from_terminals()[0] if self._joined else 0.0

    @property
    def resistance_Ohm(self) -> float:
        """The resistance before that EMF."""
        if not self._joined:
            return inf
        return self._circuit.seen_from_terminals()[1] + 2.0 * self._config.contact_Ohm

    @property
    def load_share(self) -> float:
        """Of each ampere that the link's loads take, what holding a voltage here gives more."""
        _, before_Ohm, share = self._circuit.seen_from_terminals()
        return share * before_Ohm / (before_Ohm + 2.0 * self._config.contact_Ohm)
