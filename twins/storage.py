"""Stationary storage: a pack behind an inverter, beside the grid and a load.

::

    grid ──┬── load                  grid up: the inverter charges, or takes the peaks off the grid;
           │                         grid down: it carries the load alone, until the battery is empty
        inverter ── pack

Powers are on the AC side; the inverter's is > 0 when it delivers, which discharges the pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt

from twins.pack import Pack
from twins.terminals import current_for_power, window_currents

STANDBY, CHARGE, SHAVE, BACKUP, TRANSFER, OVERLOAD, EMPTY = range(7)
STATES = ("standby", "charge", "shave", "backup", "transfer", "overload", "empty")
_TICK_S = 1e-9  # times closer than this are the same


@dataclass(frozen=True)
class InverterConfig:
    """An inverter that charges as well.

    Attributes:
        rated_W: AC power that it gives and takes for ever.
        overload: It gives this times its rated power for ``overload_s``.
        overload_s: Then it switches off, for ``restart_s``.
        efficiency: At rated power.
        no_load_W: What it needs itself while it works, by its rated power.
        standby_W: What it needs from the grid while it does nothing.
        transfer_s: From the loss of the grid until it carries the load.
        rest_s: How long the grid must be back before it is trusted.

    Raises:
        ValueError: A value is out of its range; the message begins with the field.
    """

    rated_W: float = 50e3
    overload: float = 1.3  # provisional: makers of 50 V inverters give 1.3 to 1.8 for seconds to minutes
    overload_s: float = 60.0
    restart_s: float = 30.0
    efficiency: float = 0.94  # provisional: with 0.4 % at no load the best is 96 %, at half load
    no_load_part: float = 0.004
    standby_W: float = 20.0
    transfer_s: float = 0.02
    rest_s: float = 5.0

    def __post_init__(self) -> None:
        """Ranges."""
        for name in ("rated_W", "overload_s", "restart_s", "transfer_s", "rest_s"):
            _require(0.0 < getattr(self, name) < inf, name, "must be positive")
        _require(1.0 <= self.overload <= 3.0, "overload", "must be 1 to 3")
        _require(0.5 <= self.efficiency < 1.0, "efficiency", "must be 0.5 to 1")
        most = 1.0 / self.efficiency - 1.0
        _require(0.0 <= self.no_load_part < most, "no_load_part", "must be below the losses at rated power")
        _require(0.0 <= self.standby_W < inf, "standby_W", "must not be negative")

    @property
    def no_load_W(self) -> float:
        """What it needs itself while it works."""
        return self.no_load_part * self.rated_W

    @property
    def resistive(self) -> float:
        """Losses by the square of the AC power, in 1/W: those at rated power that are not no-load."""
        return (1.0 / self.efficiency - 1.0 - self.no_load_part) / self.rated_W

    def dc_W(self, ac_W: float) -> float:
        """DC power that an AC power takes."""
        return ac_W + self.no_load_W + self.resistive * ac_W * ac_W

    def ac_W(self, dc_W: float) -> float:
        """AC power that a DC power gives: the inverse of `dc_W`."""
        rest_W = dc_W - self.no_load_W
        return 2.0 * rest_W / (1.0 + sqrt(max(0.0, 1.0 + 4.0 * self.resistive * rest_W)))


def _require(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise ValueError(f"{field}: {reason}")


@dataclass(frozen=True)
class Rules:
    """How the storage is used.

    Attributes:
        peak_W: The grid shall not give more; infinite: no peak shaving.
        reserve: State of charge that peak shaving leaves for an outage.
        empty: State of charge at which backup ends.
        charge_W: AC power of charging.
        charge_C: Charging current by capacity that the battery allows.
        discharge_C: Discharging current by capacity that the battery allows.

    Raises:
        ValueError: A value is out of its range; the message begins with the field.
    """

    peak_W: float = inf
    reserve: float = 0.3
    empty: float = 0.05
    charge_W: float = inf
    charge_C: float = 0.5
    discharge_C: float = 1.0

    def __post_init__(self) -> None:
        """Ranges."""
        _require(self.peak_W > 0.0, "peak_W", "must be positive")
        _require(0.0 <= self.empty <= self.reserve <= 1.0, "reserve", "must be 0 to 1, and not below empty")
        for name in ("charge_W", "charge_C", "discharge_C"):
            _require(getattr(self, name) > 0.0, name, "must be positive")


@dataclass(frozen=True)
class BatteryLimits:
    """What a BMS allows, in V and A, both currents >= 0; as its frames to the inverter say."""

    charge_V: float = inf
    discharge_V: float = 0.0
    charge_A: float = inf
    discharge_A: float = inf


class Storage:
    """Pack, inverter and the rules that it follows.

    Attributes:
        state: One of `STATES`, by number.
        inverter_W: AC power of the last step.
        grid_W: From the grid in the last step, < 0 into it.
        unserved_W: Load that nobody carried in the last step.
        loss_W: Heat of the inverter in the last step.
    """

    def __init__(self, pack: Pack, inverter: InverterConfig, rules: Rules) -> None:
        self.pack, self.inverter, self.rules = pack, inverter, rules
        self.limits = BatteryLimits()
        self.state = STANDBY
        self.inverter_W = self.grid_W = self.unserved_W = self.loss_W = 0.0
        self._charging = self._empty = False
        self._window = (0.0, 0.0)
        self._following = True  # the grid carries the load
        self._gap_s = inverter.transfer_s
        self._up_s = self._over_s = self._off_s = 0.0

    def next_event(self, *, grid: bool) -> float:
        """Seconds until it changes its state by itself: a step that ends there is exact."""
        if grid:
            return inf if self._following else max(self.inverter.rest_s - self._up_s, _TICK_S)
        return self._gap_s if self._gap_s > 0.0 else inf

    def advance(self, load_W: float, dt_s: float, *, grid: bool) -> float:
        """One step with this load.

        Args:
            load_W: What is drawn; < 0 where a generator beside it gives more than that.
            dt_s: Length; see `next_event`.
            grid: Whether there is one.

        Returns:
            The pack's current in A, > 0 discharges it.

        Raises:
            ValueError: Load or step are no good.
        """
        if not isfinite(load_W) or not 0.0 < dt_s < inf:
            raise ValueError(f"a load of {load_W} W for {dt_s} s cannot be stepped")
        self._window = window_currents(self.pack, *self.pack.window_V)
        self._following = grid and (self._following or self._up_s >= self.inverter.rest_s - _TICK_S)
        wish_W = self._beside_the_grid(load_W) if self._following else self._alone(load_W, dt_s)
        current_A = self._give(wish_W)
        self.pack.advance(current_A, dt_s)
        self._up_s = self._up_s + dt_s if grid else 0.0
        standby_W = self.inverter.standby_W if self._following and self.state == STANDBY else 0.0
        self.grid_W = load_W - self.inverter_W + standby_W if self._following else 0.0
        self.unserved_W = 0.0 if self._following else max(0.0, load_W - self.inverter_W)
        return current_A

    def _beside_the_grid(self, load_W: float) -> float:
        """The inverter takes what is above the peak, and charges with what is below it."""
        rules, soc = self.rules, self.pack.mean_soc
        self._empty, self._over_s, self._off_s, self._gap_s = False, 0.0, 0.0, self.inverter.transfer_s
        if load_W > rules.peak_W and soc > rules.reserve:
            self.state = SHAVE
            return load_W - rules.peak_W
        charge_A, _ = self._currents()
        least_A = 0.02 * self.pack.capacity_Ah
        self._charging = -charge_A > least_A and (self._charging or soc < 0.95)
        room_W = min(rules.charge_W, rules.peak_W - load_W)
        if self._charging and room_W > self.inverter.no_load_W:
            self.state = CHARGE
            return -room_W
        self.state = STANDBY
        return 0.0

    def _alone(self, load_W: float, dt_s: float) -> float:
        """The inverter carries the load, if it can."""
        if self._gap_s > 0.0:
            self._gap_s = self._gap_s - dt_s if self._gap_s - dt_s > _TICK_S else 0.0
            self.state = TRANSFER
            return 0.0
        if self._off_s > 0.0:
            self._off_s = max(0.0, self._off_s - dt_s)
            self.state = OVERLOAD
            return 0.0
        if self._empty or self.pack.mean_soc <= self.rules.empty or self._falls(load_W):
            self._empty, self.state = True, EMPTY
            return 0.0
        return self._carry(load_W, dt_s)

    def _falls(self, load_W: float) -> bool:
        """Whether this load would pull a cell below its window."""
        return load_W > self.inverter.ac_W(self._terminal_W(self._window[1]))

    def _carry(self, load_W: float, dt_s: float) -> float:
        inverter = self.inverter
        self._over_s = self._over_s + dt_s if load_W > inverter.rated_W else 0.0
        battery_W = inverter.ac_W(self._terminal_W(self._currents()[1]))
        most_W = min(inverter.overload * inverter.rated_W, battery_W)
        if load_W > most_W or self._over_s > inverter.overload_s:
            self._over_s, self._off_s, self.state = 0.0, inverter.restart_s, OVERLOAD
            return 0.0
        self.state = BACKUP
        return load_W

    def _currents(self) -> tuple[float, float]:
        """Most charging (<= 0) and discharging (>= 0) current of battery and BMS."""
        pack, rules, limits = self.pack, self.rules, self.limits
        charge_A, discharge_A = self._window
        to_high_A = min(0.0, (pack.emf_V - limits.charge_V) / pack.resistance_Ohm)
        to_low_A = max(0.0, (pack.emf_V - limits.discharge_V) / pack.resistance_Ohm)
        return (
            max(charge_A, to_high_A, -limits.charge_A, -rules.charge_C * pack.capacity_Ah),
            min(discharge_A, to_low_A, limits.discharge_A, rules.discharge_C * pack.capacity_Ah),
        )

    def _terminal_W(self, current_A: float) -> float:
        return current_A * (self.pack.emf_V - self.pack.resistance_Ohm * current_A)

    def _give(self, wish_W: float) -> float:
        """Set the AC power as near to the wish as inverter and battery allow; the pack's current."""
        inverter = self.inverter
        if self.state not in (CHARGE, SHAVE, BACKUP):
            self.inverter_W = self.loss_W = 0.0
            return 0.0
        charge_A, discharge_A = self._currents()
        rated_W = inverter.rated_W * (inverter.overload if self.state == BACKUP else 1.0)
        low_W = max(-inverter.rated_W, inverter.ac_W(self._terminal_W(charge_A)))
        high_W = min(rated_W, inverter.ac_W(self._terminal_W(discharge_A)))
        self.inverter_W = min(max(wish_W, low_W), high_W)
        dc_W = inverter.dc_W(self.inverter_W)
        self.loss_W = dc_W - self.inverter_W
        return current_for_power(self.pack.emf_V, self.pack.resistance_Ohm, dc_W)
