"""What the BMS's world measures: cells, current and voltages, isolation, interlock.

A sensor samples the truth at its period, adds its noise, rounds to its resolution and saturates at
its range. Between samples its ports stand still. A fault holds a port
(:meth:`twins.port.Port.force`) or breaks the sensor.
"""

from __future__ import annotations

from array import array
from math import exp, nan
from typing import Any

import numpy as np

from twins.config import SensorConfig
from twins.pack import Array
from twins.port import Bank, Port

_BLOCK = 8192


class Noise:
    """Standard normal numbers of one seeded generator, in blocks: singly they are dear."""

    def __init__(self, seed: int) -> None:
        self._dice = np.random.Generator(np.random.PCG64(seed))
        self._draw()

    def _draw(self) -> None:
        self._before = self._dice.bit_generator.state
        self._block: Array = self._dice.standard_normal(_BLOCK)
        self._numbers: list[float] = self._block.tolist()
        self._used = 0

    def one(self) -> float:
        """The next number."""
        if self._used == _BLOCK:
            self._draw()
        self._used += 1
        return self._numbers[self._used - 1]

    def take(self, count: int) -> Array:
        """The next numbers, at most a block: a view, to be read at once."""
        if self._used + count > _BLOCK:
            self._draw()
        start = self._used
        self._used += count
        return self._block[start : start + count]

    def save(self) -> dict[str, Any]:
        """Where the generator was before this block, and how much of it is used."""
        return {"before": self._before, "used": self._used}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        if state["before"] != self._before:
            self._dice.bit_generator.state = state["before"]
            self._draw()
        self._used = state["used"]


def _saturate(value: float, low: float, high: float) -> float:
    return high if value > high else max(value, low)


class CellMonitor:
    """Voltage of each group, some temperatures, sense wires, and the balancing switches.

    Sense wires are numbered from 1: within a string, tap *k* lies between cell *k - 1* and cell
    *k*, so that a string of *n* cells has *n + 1*; the next string's follow on.

    Attributes:
        mask: The balancing switches as commanded, one per group.
    """

    _STATE, _OPEN_WIRE, _OPEN_TAP, _BALANCING, _BOARD = range(5)
    _OK = 1.0
    _BOARD_S, _BOARD_K, _BOARD_K_PER_CELL = 60.0, 5.0, 0.3  # own loss, each balancing resistor's

    def __init__(self, config: SensorConfig, strings: int, series: int, ambient_degC: float) -> None:
        self.config = config
        self.groups = groups = strings * series
        self._series = series
        self._taps = strings * (series + 1)
        count = config.temperature_count
        self._where = np.arange(count) * groups // max(1, count)
        self._ambient_degC = ambient_degC
        self._keep_board = exp(-config.temperature_period_ns * 1e-9 / self._BOARD_S)
        self._scratch: Array = np.empty(groups)
        self._volts = Bank([0.0] * groups)
        self._warmth = Bank([0.0] * count)
        self._balance = Bank([0.0] * groups)
        self._status = Bank([0.0] * 5)
        self.ports = (*self._cell_ports(), *self._status_ports())
        self.reset()

    def _cell_ports(self) -> tuple[Port, ...]:
        config = self.config
        low, high = config.temperature_min_degC, config.temperature_max_degC
        name = "cell_monitor"
        return (
            *(
                Port(f"{name}.voltage[{k + 1}]", "V", self._volts, k, 0, config.cell_max_V)
                for k in range(self.groups)
            ),
            *(
                Port(f"{name}.temperature[{j + 1}]", "degC", self._warmth, j, low, high)
                for j in range(config.temperature_count)
            ),
            *(Port(f"{name}.balance[{k + 1}]", "", self._balance, k, 0, 1, "in") for k in range(self.groups)),
        )

    def _status_ports(self) -> tuple[Port, ...]:
        rows = (
            ("state", "", 0, 2),
            ("open_wire", "", 0, 1),
            ("open_wire_tap", "", 0, self._taps),
            ("balancing_cells", "", 0, self.groups),
            ("board_temperature", "degC", -50, 150),
        )
        return tuple(
            Port(f"cell_monitor.{name}", unit, self._status, index, low, high)
            for index, (name, unit, low, high) in enumerate(rows)
        )

    def reset(self) -> None:
        """Whole, nothing balanced; what it measures comes with the first sample."""
        for bank in (self._volts, self._warmth, self._balance, self._status):
            bank.held.clear()
        self._balance.publish([0.0] * self.groups)
        self.mask = [0.0] * self.groups
        self._open: tuple[int, ...] = ()  # taps whose wire is open
        self._lost: tuple[int, ...] = ()
        self._board_degC = self._ambient_degC + self._BOARD_K
        self._status.publish([self._OK, 0.0, 0.0, 0.0, self._board_degC])

    def safe(self) -> None:
        """All balancing switches off."""
        self._balance.publish([0.0] * self.groups)

    def open_tap(self, tap: int, broken: bool = True) -> None:
        """Open a sense wire, or mend it: the cells beside an open one are not available.

        Several may be open at once; the status names the lowest.

        Raises:
            ValueError: If there is no such tap.
        """
        if not 1 <= tap <= self._taps:
            raise ValueError(f"there is no tap {tap}: they are numbered 1 to {self._taps}")
        taps = {*self._open, tap} if broken else {*self._open} - {tap}
        self._set_open(tuple(sorted(taps)))

    def _set_open(self, taps: tuple[int, ...]) -> None:
        self._open = taps
        self._lost = tuple(sorted({cell for tap in taps for cell in self._beside(tap)}))
        self._status.show(self._OPEN_WIRE, float(bool(taps)))
        self._status.show(self._OPEN_TAP, float(min(taps, default=0)))
        readings = list(self._volts.readings)
        for k in self._lost:
            readings[k] = nan
        self._volts.publish(readings)

    def _beside(self, tap: int) -> list[int]:
        """The cells beside a tap, from 0; each string has one tap more than cells."""
        string, place = divmod(tap - 1, self._series + 1)
        first = string * self._series
        return [first + k for k in (place - 1, place) if 0 <= k < self._series]

    def sample_voltages(self, volts: Array, noise: Noise) -> None:
        """Measure the groups."""
        config, scratch = self.config, self._scratch
        np.multiply(noise.take(self.groups), config.cell_noise_V, out=scratch)
        scratch += volts
        scratch *= 1.0 / config.cell_resolution_V
        np.rint(scratch, out=scratch)
        scratch *= config.cell_resolution_V
        np.maximum(scratch, 0.0, out=scratch)
        np.minimum(scratch, config.cell_max_V, out=scratch)
        readings = scratch.tolist()
        for k in self._lost:
            readings[k] = nan
        self._volts.publish(readings)

    def sample_temperatures(self, cells_degC: Array, noise: Noise) -> None:
        """Measure the groups (by their first cell) that have a sensor, and the board."""
        config, step = self.config, self.config.temperature_resolution_K
        warmth = cells_degC[self._where]
        warmth += noise.take(warmth.size) * config.temperature_noise_K
        warmth = np.rint(warmth * (1.0 / step)) * step
        np.maximum(warmth, config.temperature_min_degC, out=warmth)
        np.minimum(warmth, config.temperature_max_degC, out=warmth)
        self._warmth.publish(warmth.tolist())
        balancing = sum(self.mask)
        settled = self._ambient_degC + self._BOARD_K + self._BOARD_K_PER_CELL * balancing
        self._board_degC = settled + (self._board_degC - settled) * self._keep_board
        self._status.show(self._BALANCING, balancing)
        self._status.show(self._BOARD, self._board_degC)

    def new_mask(self) -> bool:
        """Take the commanded switches into :attr:`mask`; whether any differs from before."""
        if self._balance.values == self.mask:
            return False
        self.mask = [float(value >= 0.5) for value in self._balance.values]
        return True

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "volts": self._volts.save(),
            "warmth": self._warmth.save(),
            "balance": self._balance.save(),
            "status": self._status.save(),
            "open": self._open,
            "mask": array("d", self.mask).tobytes(),
            "board": self._board_degC,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._set_open(state["open"])
        self._volts.restore(state["volts"])
        self._warmth.restore(state["warmth"])
        self._balance.restore(state["balance"])
        self._status.restore(state["status"])
        self.mask = array("d", state["mask"]).tolist()
        self._board_degC = state["board"]


class CurrentSensor:
    """A shunt with two voltage inputs, of the IVT kind."""

    _CURRENT, _CHANNEL_ERROR, _OVER_CURRENT = range(3)
    _PACK, _LINK, _TEMPERATURE, _PACK_ERROR, _LINK_ERROR = range(5)
    _SHUNT_S, _SHUNT_K_PER_A2 = 120.0, 2e-4  # 50 uOhm with 4 K/W

    def __init__(self, config: SensorConfig, ambient_degC: float) -> None:
        self.config = config
        self._ambient_degC = ambient_degC
        self._keep_shunt = exp(-config.voltage_period_ns * 1e-9 / self._SHUNT_S)
        self._fast = Bank([0.0] * 3)
        self._slow = Bank([0.0] * 5)
        limit_A, low_V, high_V = config.current_max_A, *config.voltage_range_V
        name = "current_sensor"
        self.ports = (
            Port(f"{name}.current", "A", self._fast, self._CURRENT, -limit_A, limit_A),
            Port(f"{name}.channel_error", "", self._fast, self._CHANNEL_ERROR, 0, 1),
            Port(f"{name}.over_current", "", self._fast, self._OVER_CURRENT, 0, 1),
            Port(f"{name}.voltage_pack", "V", self._slow, self._PACK, low_V, high_V),
            Port(f"{name}.voltage_link", "V", self._slow, self._LINK, low_V, high_V),
            Port(f"{name}.temperature", "degC", self._slow, self._TEMPERATURE, -50, 200),
            Port(f"{name}.pack_error", "", self._slow, self._PACK_ERROR, 0, 1),
            Port(f"{name}.link_error", "", self._slow, self._LINK_ERROR, 0, 1),
        )
        self.reset()

    def reset(self) -> None:
        """Whole and cold; what it measures comes with the first sample."""
        self._fast.held.clear()
        self._slow.held.clear()
        self._shunt_degC = self._ambient_degC

    def sample_current(self, current_A: float, noise: Noise) -> None:
        """Measure the pack's current."""
        config, step = self.config, self.config.current_resolution_A
        reading = round((current_A + config.current_noise_A * noise.one()) / step) * step
        limit = config.current_max_A
        over = float(abs(reading) > limit)
        self._fast.publish([_saturate(reading, -limit, limit), 0.0, over])

    def sample_voltages(self, pack_V: float, link_V: float, current_A: float, noise: Noise) -> None:
        """Measure pack and link, and the shunt's own temperature."""
        config, step = self.config, self.config.voltage_resolution_V
        (low, high), sigma = config.voltage_range_V, config.voltage_noise_V
        pack = _saturate(round((pack_V + sigma * noise.one()) / step) * step, low, high)
        link = _saturate(round((link_V + sigma * noise.one()) / step) * step, low, high)
        settled = self._ambient_degC + self._SHUNT_K_PER_A2 * current_A * current_A
        self._shunt_degC = settled + (self._shunt_degC - settled) * self._keep_shunt
        self._slow.publish([pack, link, self._shunt_degC, 0.0, 0.0])

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {"fast": self._fast.save(), "slow": self._slow.save(), "shunt": self._shunt_degC}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._fast.restore(state["fast"])
        self._slow.restore(state["slow"])
        self._shunt_degC = state["shunt"]


class JunctionBox:
    """Isolation of each pole against the chassis, and the interlock loop."""

    _PLUS, _MINUS, _VALID, _INTERLOCK = range(4)

    def __init__(self, config: SensorConfig) -> None:
        self.config = config
        self._bank = Bank([0.0] * 4)
        highest = config.isolation_max_Ohm
        self.ports = (
            Port("isolation.plus", "Ohm", self._bank, self._PLUS, 0, highest),
            Port("isolation.minus", "Ohm", self._bank, self._MINUS, 0, highest),
            Port("isolation.valid", "", self._bank, self._VALID, 0, 1),
            Port("interlock.closed", "", self._bank, self._INTERLOCK, 0, 1),
        )
        self.reset()

    def reset(self) -> None:
        """Nothing leaks, the loop is closed."""
        self._bank.held.clear()
        self._bank.publish([self.config.isolation_Ohm, self.config.isolation_Ohm, 1.0, 1.0])

    def see_isolation(self, plus_Ohm: float, minus_Ohm: float) -> None:
        """What the monitor measures now; it saturates at its range."""
        highest = self.config.isolation_max_Ohm
        self._bank.show(self._PLUS, min(plus_Ohm, highest))
        self._bank.show(self._MINUS, min(minus_Ohm, highest))

    def open_interlock(self, on: bool) -> None:
        """Open the interlock loop, or close it."""
        self._bank.show(self._INTERLOCK, float(not on))

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {"bank": self._bank.save()}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._bank.restore(state["bank"])
