"""What a plant is made of: frozen dataclasses in SI units, checked when they are made.

Every ``ValueError`` begins with the name of the field that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from twins.pack import PackConfig

__all__ = [
    "ChargerConfig",
    "ContactorConfig",
    "DriveConfig",
    "FuseConfig",
    "LinkConfig",
    "LoadConfig",
    "PackConfig",
    "PlantConfig",
    "SensorConfig",
    "SupplyConfig",
    "VehicleConfig",
]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def _check(
    config: Any, *, positive: str = "", not_negative: str = "", share: str = "", limit: str = ""
) -> None:
    """Positive: > 0; share: in (0, 1]; limit: > 0 or none; each a list of field names in one string."""
    for name in positive.split():
        _require(config, name, getattr(config, name) > 0, "must be greater than 0")
    for name in not_negative.split():
        _require(config, name, getattr(config, name) >= 0, "must not be negative")
    for name in limit.split():
        if getattr(config, name) != math.inf:
            _require(config, name, getattr(config, name) > 0, "must be greater than 0")
    for name in share.split():
        _require(config, name, 0 < getattr(config, name) <= 1, "must be greater than 0, at most 1")


def _require(config: Any, name: str, holds: bool, rule: str) -> None:
    value = getattr(config, name)
    if not holds or not math.isfinite(value):
        raise ValueError(f"{name}: {rule}, not {value!r}")


@dataclass(frozen=True)
class ContactorConfig:
    """Main, minus and precharge contactors, and those of the charge inlet if there are any.

    Attributes:
        closing_ns: From the command until the contacts touch (EV contactors: 20-30 ms).
        opening_ns: From the command until the contacts part (about 10-15 ms with an economiser).
        contact_Ohm: One closed main contact (EV contactors: 0.1-0.3 mOhm).
        load_A: Opening a current above this counts as opening under load.
        bounces: How often the contacts part again when they close.
        bounce_ns: How long they are apart each time, and touch before the next.
        arc_ns: An arc goes out after this time, or when its current gets to zero; 0: there is none.
        arc_drop_V: What it takes from the circuit (sealed contactors: some 100 V; provisional).
        weld_A: A current above this at the instant of touching welds the contacts; 0: never.
        pull_in_V: Least supply voltage to close; 0: the coil has a supply of its own.
        drop_out_V: Least supply voltage to stay closed.
        charge: ``none``: the charger is on the DC link. ``plus``: behind a contactor ``charge_plus`` from
            the pack's plus, and main minus. ``both``: also behind ``charge_minus`` instead of main minus.
    """

    closing_ns: int = 30 * NS_PER_MS
    opening_ns: int = 15 * NS_PER_MS
    contact_Ohm: float = 0.2e-3
    load_A: float = 10.0
    bounces: int = 0
    bounce_ns: int = 1 * NS_PER_MS
    arc_ns: int = 0
    arc_drop_V: float = 100.0
    weld_A: float = 0.0
    pull_in_V: float = 0.0
    drop_out_V: float = 0.0
    charge: Literal["none", "plus", "both"] = "none"

    def __post_init__(self) -> None:
        _check(
            self,
            positive="contact_Ohm bounce_ns",
            not_negative="closing_ns opening_ns load_A bounces arc_ns arc_drop_V weld_A pull_in_V drop_out_V",
        )
        _require(self, "drop_out_V", self.drop_out_V <= self.pull_in_V, "must not be above pull_in_V")
        if self.charge not in {"none", "plus", "both"}:
            raise ValueError(f"charge: must be none, plus or both, not {self.charge!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the contactors that there are."""
        inlet = {"none": (), "plus": ("charge_plus",), "both": ("charge_plus", "charge_minus")}
        return ("main_plus", "main_minus", "precharge", *inlet[self.charge])


@dataclass(frozen=True)
class LinkConfig:
    """The DC link behind the contactors, and the resistor that precharges it.

    The resistor is one body that warms by its power, and opens for good when it gets too hot. The
    defaults are those of a 100 W wire-wound one in an aluminium case (provisional).

    Attributes:
        precharge_Ohm: 50 Ohm with 3 mF gives a time constant of 150 ms and 95 % after 450 ms.
        precharge_rated_W: What it may have for ever at 25 degC.
        precharge_max_degC: Where its derating ends: at rated power it gets so hot, at this ambient it
            may have no power at all.
        precharge_burn_degC: Here it burns out.
        precharge_pulse_J: What a short pulse needs to heat it from 25 degC to there.
        busbar_Ohm: Bus bars and cables between fuse and link, both poles together.
        bleed_Ohm: Always across the link.
        discharge_Ohm: The drive's active discharge, while it is idle and the pack is not connected.
    """

    precharge_Ohm: float = 50.0
    precharge_rated_W: float = 100.0
    precharge_max_degC: float = 200.0
    precharge_burn_degC: float = 400.0
    precharge_pulse_J: float = 15e3
    capacitance_F: float = 3e-3
    busbar_Ohm: float = 0.0
    bleed_Ohm: float = 20e3
    discharge_Ohm: float = 200.0

    def __post_init__(self) -> None:
        _check(
            self,
            positive="precharge_Ohm precharge_rated_W precharge_pulse_J capacitance_F bleed_Ohm "
            "discharge_Ohm",
            not_negative="busbar_Ohm",
        )
        _require(self, "precharge_max_degC", self.precharge_max_degC > 25, "must be above 25 degC")
        hotter = self.precharge_burn_degC >= self.precharge_max_degC
        _require(self, "precharge_burn_degC", hotter, "must not be below precharge_max_degC")


@dataclass(frozen=True)
class LoadConfig:
    """A load on the DC link beside the drive: a heater, a DC/DC converter, a compressor.

    Attributes:
        resistance_Ohm: It is a resistor.
        power_W: It takes this power whatever the voltage.
        current_A: It takes this current.
        min_V: What takes a power or a current stops below this link voltage, and starts again 5 % above.
        on: Whether it is on before anybody switches it.
    """

    resistance_Ohm: float | None = None
    power_W: float | None = None
    current_A: float | None = None
    min_V: float = 0.0
    on: bool = False

    def __post_init__(self) -> None:
        kinds = ("resistance_Ohm", "power_W", "current_A")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            field_name = given[-1] if given else "power_W"
            raise ValueError(f"{field_name}: give one of resistance, power and current, not {len(given)}")
        _check(self, positive=given[0], not_negative="min_V")
        if self.resistance_Ohm is None:
            _require(self, "min_V", self.min_V > 0, "must be greater than 0 for a load that is no resistor")
        elif self.min_V:
            raise ValueError("min_V: a resistor has none")


@dataclass(frozen=True)
class FuseConfig:
    """The pack's fuse, in its plus pole between cells and contactors.

    Attributes:
        rated_A: What it carries for ever.
        melting_A2s: Its melting integral (pre-arcing I²t) at high currents.
        resistance_Ohm: Of the whole fuse.
        fusing_ratio: The current that melts it at last, over the rated one: 1.6 is the conventional
            fusing current of IEC 60269-1 (gG, 16 A and more).
        notch_share: Share of the final temperature rise that the notches of the element have over its
            body (provisional: it places the bend of the time-current curve at some 5 times the rating).
        body_s: Time constant of that body (provisional).
    """

    rated_A: float
    melting_A2s: float
    resistance_Ohm: float = 0.2e-3
    fusing_ratio: float = 1.6
    notch_share: float = 0.1
    body_s: float = 120.0

    def __post_init__(self) -> None:
        _check(
            self,
            positive="rated_A melting_A2s resistance_Ohm body_s",
            share="notch_share",
        )
        _require(self, "fusing_ratio", self.fusing_ratio > 1, "must be greater than 1")
        _require(self, "notch_share", self.notch_share < 1, "must be less than 1")
        slowest = self.body_s * (self.fusing_ratio * self.rated_A) ** 2 / (1.0 - self.notch_share)
        rule = "too high for such a rating: it would melt by its body alone"
        _require(self, "melting_A2s", self.melting_A2s < slowest, rule)


@dataclass(frozen=True)
class SupplyConfig:
    """The auxiliary supply of BMS and contactor coils.

    Attributes:
        voltage_V: 13.5 V of a running 12 V system; 27 V of a 24 V one.
        brown_out_V: Below this the BMS stops, once its own capacitors are empty.
        restart_V: From here on it starts again.
        hold_up_ns: How long those capacitors last.
    """

    voltage_V: float = 13.5
    brown_out_V: float = 6.0
    restart_V: float = 7.0
    hold_up_ns: int = 5 * NS_PER_MS

    def __post_init__(self) -> None:
        _check(self, positive="voltage_V brown_out_V restart_V", not_negative="hold_up_ns")
        _require(self, "voltage_V", self.voltage_V <= 36, "must be at most 36 V")
        _require(self, "restart_V", self.restart_V >= self.brown_out_V, "must not be below brown_out_V")
        _require(self, "restart_V", self.restart_V <= self.voltage_V, "must not be above voltage_V")


@dataclass(frozen=True)
class SensorConfig:
    """Resolution, noise (one sigma, Gaussian) and sample period of each sensor.

    A sensor saturates at its range. Current sensors of the IVT-S kind: 1 mA and 1 mV, ranges
    100-2500 A.

    Attributes:
        temperature_count: Sensors, spread evenly over the groups.
        voltage_min_V: Lower end of the voltage channels' range; ``None``: ``-voltage_max_V``.
        isolation_Ohm: What each pole has against the chassis while nothing is broken.
    """

    cell_resolution_V: float = 1e-3
    cell_noise_V: float = 0.5e-3
    cell_period_ns: int = 100 * NS_PER_MS
    cell_max_V: float = 5.0
    temperature_count: int = 16
    temperature_resolution_K: float = 0.5
    temperature_noise_K: float = 0.1
    temperature_period_ns: int = 100 * NS_PER_MS
    temperature_min_degC: float = -40.0
    temperature_max_degC: float = 77.0
    current_resolution_A: float = 1e-3
    current_noise_A: float = 20e-3
    current_period_ns: int = 10 * NS_PER_MS
    current_max_A: float = 1000.0
    voltage_resolution_V: float = 1e-3
    voltage_noise_V: float = 20e-3
    voltage_period_ns: int = 50 * NS_PER_MS
    voltage_max_V: float = 1000.0
    voltage_min_V: float | None = None
    isolation_Ohm: float = 2e6
    isolation_max_Ohm: float = 5e6

    def __post_init__(self) -> None:
        _check(
            self,
            positive="cell_resolution_V cell_period_ns cell_max_V temperature_resolution_K "
            "temperature_period_ns current_resolution_A current_period_ns current_max_A "
            "voltage_resolution_V voltage_period_ns voltage_max_V isolation_max_Ohm",
            not_negative="cell_noise_V temperature_noise_K current_noise_A voltage_noise_V "
            "temperature_count isolation_Ohm",
        )
        ordered = self.temperature_min_degC < self.temperature_max_degC
        _require(self, "temperature_max_degC", ordered, "must be above temperature_min_degC")
        low_V, high_V = self.voltage_range_V
        _require(self, "voltage_max_V", low_V < high_V, "must be above voltage_min_V")
        _require(self, "isolation_Ohm", self.isolation_Ohm <= self.isolation_max_Ohm, "too high")

    @property
    def voltage_range_V(self) -> tuple[float, float]:
        """Lowest and highest voltage that the voltage channels show."""
        return -self.voltage_max_V if self.voltage_min_V is None else self.voltage_min_V, self.voltage_max_V


@dataclass(frozen=True)
class ChargerConfig:
    """A CC/CV charger on the DC link; sized ones with sources: :mod:`twins.charger_presets`.

    Attributes:
        min_V: Below this output voltage it gives nothing.
        max_W: Output power; beyond it the current gives way.
        timeout_ns: Without a command for this long the output stops (Elcon/TC: 5 s).
        efficiency: DC output over mains input, without ``idle_W``.
        idle_W: Taken from the mains on top, whatever the output: what makes part load inefficient.
        rise_s: Time for the current to go from nothing to ``max_A``; 0: at once.
        fall_s: The same downwards.
        ripple_A: Amplitude of a sine on the output current.
        ripple_period_ns: Its period: 10 ms behind one phase of 50 Hz, 3.333 ms behind a six-pulse rectifier.
        mains_V: Phase to neutral.
        mains_min_V: Below it there is no output, and the charger says so.
        mains_max_V: Above it likewise.
        mains_limit_A: What may be taken from each phase.
        phases: Of the mains: 1 or 3.
        power_factor: Of what it takes.
        heating_K: How far its heat sink settles above ambient at its highest losses; 0: it stays cold.
        warming_s: Time constant of that.
        ambient_degC: Until ``charger.ambient`` says another.
        derate_degC: Here the current begins to give way, linearly ...
        trip_degC: ... and here it is off, until the heat sink is back at ``derate_degC``.
    """

    max_V: float = 360.0
    max_A: float = 100.0
    timeout_ns: int = 5 * NS_PER_S
    efficiency: float = 0.93
    min_V: float = 0.0
    max_W: float = math.inf
    idle_W: float = 0.0
    rise_s: float = 0.0
    fall_s: float = 0.0
    ripple_A: float = 0.0
    ripple_period_ns: int = 10 * NS_PER_MS
    mains_V: float = 230.0
    mains_min_V: float = 0.0
    mains_max_V: float = math.inf
    mains_limit_A: float = math.inf
    phases: int = 3
    power_factor: float = 0.99
    heating_K: float = 0.0
    warming_s: float = 600.0
    ambient_degC: float = 25.0
    derate_degC: float = 60.0
    trip_degC: float = 75.0

    def __post_init__(self) -> None:
        _check(
            self,
            positive="max_V max_A timeout_ns ripple_period_ns mains_V warming_s",
            not_negative="min_V idle_W rise_s fall_s ripple_A mains_min_V heating_K",
            share="efficiency power_factor",
            limit="max_W mains_max_V mains_limit_A",
        )
        _require(self, "min_V", self.min_V < self.max_V, "must be below max_V")
        _require(self, "phases", self.phases in (1, 3), "must be 1 or 3")
        in_range = self.mains_min_V <= self.mains_V <= self.mains_max_V
        _require(self, "mains_V", in_range, "must be in mains_min_V to mains_max_V")
        _require(self, "ambient_degC", -60.0 <= self.ambient_degC <= 100.0, "must be -60 to 100")
        _require(self, "derate_degC", self.derate_degC > -60.0, "must be above -60")
        _require(self, "trip_degC", self.trip_degC > self.derate_degC, "must be above derate_degC")

    @property
    def full_W(self) -> float:
        """Highest output power: its own, and what the mains give at their nominal voltage."""
        return min(self.max_W, self.max_V * self.max_A, self.output_of(self.mains_V))

    def output_of(self, mains_V: float) -> float:
        """Output power that the mains' current limit leaves at a voltage, in W."""
        input_W = self.phases * mains_V * self.mains_limit_A * self.power_factor
        return max(0.0, input_W - self.idle_W) * self.efficiency


@dataclass(frozen=True)
class DriveConfig:
    """Inverter and motor on a shaft whose speed a dynamometer holds; 153 kW and 813 Nm at 1800 rpm.

    Attributes:
        max_power_W: Mechanical, either way.
        efficiency: Electrical to mechanical, and back when it regenerates.
        aux_W: Drawn while the drive is enabled and the main contactors are closed.
        speed_rpm: The shaft's speed until ``drive.speed_request`` says another.
        slew_s: Time for the torque to go from nothing to ``max_torque_Nm`` (VCU ramps: 50-300 ms).
        max_V: Above this link voltage the drive trips.
        model: ``simple``: one efficiency. ``losses``: losses by speed, power and torque; ``induction``: flux
            and currents of an induction motor; both keep to ``drive.discharge_limit`` and
            ``drive.charge_limit``.
        rated_V: The link's usual voltage, for which the induction motor is made.
    """

    max_torque_Nm: float = 813.0
    max_power_W: float = 153e3
    efficiency: float = 0.92
    aux_W: float = 400.0
    speed_rpm: float = 1800.0
    slew_s: float = 0.2
    max_V: float = 450.0
    model: Literal["simple", "losses", "induction"] = "simple"
    rated_V: float = 324.0

    def __post_init__(self) -> None:
        if self.model not in {"simple", "losses", "induction"}:
            raise ValueError(f"model: must be simple, losses or induction, not {self.model!r}")
        _check(
            self,
            positive="max_torque_Nm max_power_W slew_s max_V rated_V",
            not_negative="aux_W",
            share="efficiency",
        )
        _require(self, "speed_rpm", abs(self.speed_rpm) <= 32_000, "must be -32000 to 32000")


@dataclass(frozen=True)
class VehicleConfig:
    """A vehicle whose shaft turns the drive.

    Attributes:
        name: One of `twins.vehicle.names`.
        load: Of its rated payload, while a cycle does not say another.
    """

    name: str
    load: float = 1.0

    def __post_init__(self) -> None:
        from twins.vehicle.parameters import load  # noqa: PLC0415 - only who has a vehicle needs it

        try:
            load(self.name)
        except ValueError as error:
            raise ValueError(f"name: {str(error).removeprefix('vehicle: ')}") from error
        _check(self, not_negative="load")


@dataclass(frozen=True)
class PlantConfig:
    """All twins together.

    Attributes:
        vehicle: ``None``: the drive stands on a bench.
        fuse: ``None``: there is none.
        loads: By name.
        supply: ``None``: BMS and coils have a supply that never fails.
        step_ns: The plant's step; the sensors' periods are whole multiples of it.
    """

    pack: PackConfig
    contactor: ContactorConfig = field(default_factory=ContactorConfig)
    link: LinkConfig = field(default_factory=LinkConfig)
    sensors: SensorConfig = field(default_factory=SensorConfig)
    charger: ChargerConfig = field(default_factory=ChargerConfig)
    drive: DriveConfig = field(default_factory=DriveConfig)
    fuse: FuseConfig | None = None
    loads: Mapping[str, LoadConfig] = field(default_factory=dict)
    supply: SupplyConfig | None = None
    vehicle: VehicleConfig | None = None
    step_ns: int = 10 * NS_PER_MS

    def __post_init__(self) -> None:
        _check(self, positive="step_ns")
        for name in ("cell", "temperature", "current", "voltage"):
            field_name = f"{name}_period_ns"
            period_ns = getattr(self.sensors, field_name)
            if period_ns % self.step_ns:
                raise ValueError(
                    f"sensors.{field_name}: must be a multiple of step_ns ({self.step_ns}), not {period_ns}"
                )
