"""Port: one number of a twin that a wire can hold on to.

Ports that are measured or written together share the list of one :class:`Bank`, so that a twin
publishes all of them with one slice assignment, and a reader indexes a plain list.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


class Bank:
    """The present values of some ports of one twin, and those that a fault holds.

    Attributes:
        values: What readers see. Always the same list, so it can be held on to.
        readings: What the twin would show if nothing were held.
        held: The values that faults hold, by index.
    """

    def __init__(self, readings: Sequence[float]) -> None:
        self.values: list[float] = list(readings)
        self.readings: list[float] = list(readings)
        self.held: dict[int, float] = {}

    def publish(self, readings: list[float]) -> None:
        """Show new readings; the bank keeps the list."""
        self.readings = readings
        self.values[:] = readings
        if self.held:
            for index, value in self.held.items():
                self.values[index] = value

    def show(self, index: int, reading: float) -> None:
        """Show one new reading."""
        self.readings[index] = reading
        if index not in self.held:
            self.values[index] = reading

    def hold(self, index: int, value: float) -> None:
        """Hold one value until :meth:`release`; NaN means "not available"."""
        self.held[index] = value
        self.values[index] = value

    def release(self, index: int) -> None:
        """Show the reading again."""
        self.held.pop(index, None)
        self.values[index] = self.readings[index]

    def save(self) -> dict[str, Any]:
        """Readings, as bytes, and held values."""
        return {"readings": array("d", self.readings).tobytes(), "held": sorted(self.held.items())}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self.held = {int(index): value for index, value in state["held"]}
        self.publish(array("d", state["readings"]).tolist())


class Computed(list[float]):
    """Values that are worked out when they are read: truth is dear and rarely asked for."""

    def __init__(self, getters: Sequence[Callable[[], float]]) -> None:
        super().__init__([0.0] * len(getters))
        self._getters = tuple(getters)

    def __getitem__(self, index: Any) -> Any:
        """The value as it is now."""
        return self._getters[index]()


class Truth(Bank):
    """A bank of computed values. Nothing can hold the truth."""

    def __init__(self, getters: Sequence[Callable[[], float]]) -> None:
        super().__init__([])
        self.values = Computed(getters)

    def show(self, index: int, reading: float) -> None:
        """The hook has set it where it is computed from."""

    def hold(self, index: int, value: float) -> None:  # noqa: ARG002
        """A fault cannot change what is; only sensors lie.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"the truth cannot be held at {value:g}: force a sensor's port instead")

    def release(self, index: int) -> None:
        """Nothing is held."""


@dataclass(slots=True, eq=False)
class Port:
    """One number of a twin.

    Attributes:
        unit: SI, degC or ``""``.
        bank: The bank whose ``values[index]`` is the present value.
        minimum: With ``maximum`` the range that the twin can produce or take; wires are validated
            with it.
        direction: ``out`` is reported by the twin, ``in`` is a set point (also readable).
        hook: Told each set point, also one that changes nothing: an arriving command feeds a
            watchdog.
        values: The bank's list.
    """

    name: str
    unit: str
    bank: Bank
    index: int
    minimum: float
    maximum: float
    direction: Literal["out", "in"] = "out"
    hook: Callable[[float], None] | None = None
    values: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.values = self.bank.values
        self.minimum, self.maximum = float(self.minimum), float(self.maximum)

    @property
    def value(self) -> float:
        """The present value."""
        return self.values[self.index]

    def write(self, value: float) -> None:
        """Give a new set point; like any input stage, the port saturates at its range. NaN passes.

        A set point that a fault holds does not hear it.

        Raises:
            ValueError: If the port is an output.
        """
        if self.direction == "out":
            raise ValueError(f"{self.name} is an output of the twin: it can be forced, not written")
        if value < self.minimum:
            value = self.minimum
        elif value > self.maximum:
            value = self.maximum
        self.bank.show(self.index, float(value))
        if self.hook is not None and self.index not in self.bank.held:
            self.hook(value)

    def force(self, value: float) -> None:
        """Hold the port at ``value`` until :meth:`release`, at once; NaN means "not available".

        Raises:
            ValueError: If the port is a truth.
        """
        self.bank.hold(self.index, value)
        if self.hook is not None:
            self.hook(value)

    def release(self) -> None:
        """Let the twin (or the wire) speak again: its last reading shows at once."""
        self.bank.release(self.index)
        if self.hook is not None:
            self.hook(self.values[self.index])
