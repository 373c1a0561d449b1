"""A charger's power stage as a node sees it: ports of the twin, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping

from twins.port import Port

_STOP, _CHARGE = 1.0, 0.0


class PowerStage:
    """The twin's charger behind a node on the bus.

    Args:
        ports: The twins' ports.
    """

    def __init__(self, ports: Mapping[str, Port]) -> None:
        self._ports = ports

    def give(self, voltage_V: float, current_A: float) -> None:
        """Charge with up to this voltage and current, from now on; feeds its watchdog."""
        self._write("voltage_max", voltage_V)
        self._write("current_max", max(0.0, current_A))
        self._write("control", _CHARGE)

    def stop(self) -> None:
        """Give nothing."""
        self._write("current_max", 0.0)
        self._write("control", _STOP)

    def tend(self) -> None:
        """Leave it as it is, and feed its watchdog."""
        port = self._ports["charger.control"]
        port.write(port.bank.readings[port.index])  # as it was told, not as a fault holds it

    @property
    def plugged(self) -> bool:
        """Whether the connector is in the vehicle's inlet."""
        return self._read("plugged") >= 0.5

    @property
    def voltage_V(self) -> float:
        """At its terminals; 0 unless plugged."""
        return self._read("voltage")

    @property
    def current_A(self) -> float:
        """Output current, >= 0."""
        return self._read("current")

    @property
    def talking(self) -> bool:
        """Whether its controller lives."""
        return self._read("talking") >= 0.5

    @property
    def has_battery(self) -> bool:
        """Whether it sees a battery at its terminals."""
        return self._read("no_battery") < 0.5

    @property
    def hot(self) -> bool:
        """Whether it is off for its temperature."""
        return self._read("over_temperature") >= 0.5

    @property
    def broken(self) -> bool:
        """Whether its hardware has failed."""
        return self._read("hardware_failure") >= 0.5

    @property
    def without_mains(self) -> bool:
        """Whether its mains are out of range."""
        return self._read("input_voltage_wrong") >= 0.5

    @property
    def insulation_Ohm(self) -> float:
        """What it measures between the weaker pole and the chassis."""
        return min(self._ports["isolation.plus"].value, self._ports["isolation.minus"].value)

    def _read(self, name: str) -> float:
        return self._ports[f"charger.{name}"].value

    def _write(self, name: str, value: float) -> None:
        self._ports[f"charger.{name}"].write(value)
