"""A vehicle drives a cycle: cells, drive and vehicle together, without a bus.

The vehicle moves in steps of 10 ms; between two steps of the cells it sees the pack as an EMF behind
a resistance, which is what the pack is to it for so short a time. Once a second a stand-in for the
battery-management system says what the pack may be asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, isfinite, sqrt
from typing import Any, Final, Literal

import numpy as np

from twins.cycles import Cycle
from twins.pack import Pack, PackConfig
from twins.vehicle import _vehicle
from twins.vehicle.limits import StandInBms
from twins.vehicle.parameters import Array, VehicleParameters, load

VEHICLE_STEP_s: Final = 0.01
MOTOR_STEP_s: Final = 0.001
Drive = Literal["simple", "induction"]  # a polynomial of losses, or flux and currents of the motor

_LONGEST_s: Final = 3.6e7  # 10,000 h
_EMPTY_FACTOR: Final = 2.0  # a pack that may give less than so many times the auxiliaries is empty
_PROGRESS_s: Final = 60.0
_SUPERVISION_s: Final = 1.0


@dataclass(frozen=True)
class Summary:
    """A run in numbers. SI units; energies as the drive meets them, at the DC link.

    Attributes:
        ended: ``cycle``: all was driven; ``empty``: the pack was.
        wanted_m: What the cycle would have gone until the run ended.
        drawn_J: Taken from the pack; ``fed_J``: given back to it by braking or a generator.
        works_J: Where the energy went: auxiliaries, drive, gearbox, rolling, drag, climb, brakes, and
            what is still in the motion at the end.
        held_s: How long each limit held the vehicle back: drive, discharge, charge, grip.
        unserved_J: What auxiliaries and idle drive asked for while the pack might not give it.
    """

    vehicle: str
    cycle: str
    ended: str
    duration_s: float
    distance_m: float
    wanted_m: float
    soc_begin: float
    soc_end: float
    drawn_J: float
    fed_J: float
    source_J: float
    unserved_J: float
    works_J: dict[str, float]
    held_s: dict[str, float]
    most_A: float
    least_A: float
    rms_A: float
    lowest_V: float
    highest_V: float
    hottest_degC: float

    @property
    def energy_J(self) -> float:
        """Net, from the pack."""
        return self.drawn_J - self.fed_J

    @property
    def energy_per_m(self) -> float:
        """Net energy from the pack over the way, in J/m; nan if the vehicle did not move."""
        return self.energy_J / self.distance_m if self.distance_m > 0.0 else float("nan")


@dataclass(frozen=True)
class Result:
    """What a run was like: arrays of the same length, one sample a second unless asked otherwise."""

    time_s: Array
    distance_m: Array
    speed_mps: Array
    soc: Array
    voltage_V: Array
    current_A: Array
    power_W: Array
    hottest_degC: Array
    summary: Summary

    def columns(self) -> dict[str, Array]:
        """The arrays by name, the time first."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS: Final = (
    "time_s", "distance_m", "speed_mps", "soc", "voltage_V", "current_A", "power_W", "hottest_degC",
)  # fmt: skip


def simulate(  # noqa: PLR0913 - what a user of a run chooses
    vehicle: VehicleParameters | str,
    cycle: Cycle,
    *,
    hours: float | None = None,
    soc: float = 0.95,
    temperature_degC: float = 25.0,
    payload_kg: float | None = None,
    pack: PackConfig | None = None,
    drive: Drive = "simple",
    step_s: float = 0.1,
    sample_s: float = 1.0,
    on_progress: Callable[[float], object] | None = None,
) -> Result:
    """Drive a cycle, again and again if ``hours`` say so.

    Args:
        vehicle: What drives; a name stands for the shipped one.
        cycle: What is driven.
        hours: How long; ``None``: once through the cycle; ``inf``: until the pack is empty.
        soc: Of every cell at the beginning.
        temperature_degC: Of the cells at the beginning, and around them.
        payload_kg: Carried where the cycle says nothing of it; ``None``: the rated payload.
        pack: Another pack than the vehicle's; ``soc`` and ``temperature_degC`` are then its own.
        drive: ``simple``: a polynomial of losses; ``induction``: flux and currents of the motor.
        step_s: Step of the cells, 0.01 s to 1 s.
        sample_s: Between two samples of the result.
        on_progress: Called once a minute of simulated time with the share that is done.

    Raises:
        ValueError: an argument is out of its range; the message begins with its name.
    """
    made = load(vehicle) if isinstance(vehicle, str) else vehicle
    _check(hours, step_s, sample_s, payload_kg)
    if drive not in ("simple", "induction"):
        raise ValueError(f"drive: must be 'simple' or 'induction', not {drive!r}")
    degC = temperature_degC
    config = pack or made.pack_config(soc=soc, temperature_degC=degC, ambient_degC=degC)
    run = Run(made, cycle, Pack(config), step_s, payload_kg, drive=drive)
    wanted_s = cycle.duration_s if hours is None else min(hours * 3600.0, _LONGEST_s)
    told_s = 0.0
    for time_s in run.bursts(wanted_s, sample_s):
        if on_progress and time_s - told_s >= _PROGRESS_s:
            told_s = time_s
            on_progress(time_s / wanted_s)
    if on_progress:
        on_progress(1.0)
    return run.result()


def _check(hours: float | None, step_s: float, sample_s: float, payload_kg: float | None) -> None:
    if hours is not None and not hours > 0.0:
        raise ValueError(f"hours: must be positive, not {hours}")
    if not 0.01 <= step_s <= 1.0:
        raise ValueError(f"step_s: must be 0.01 to 1 s, not {step_s}")
    if not step_s <= sample_s <= 3600.0:
        raise ValueError(f"sample_s: must be from step_s to 3600 s, not {sample_s}")
    if payload_kg is not None and not (isfinite(payload_kg) and payload_kg >= 0.0):
        raise ValueError(f"payload_kg: must not be negative, not {payload_kg}")


class _Track:
    """The cycle at each step of the cells; it begins anew when it is through."""

    def __init__(self, cycle: Cycle, step_s: float, preview_s: float, payload_kg: float) -> None:
        self.name = cycle.name
        self.steps = ceil(cycle.duration_s / step_s - 1e-9)
        at_s = np.arange(self.steps + 1) * step_s
        known_s, speed = cycle.time_s, cycle.speed_mps
        self.speed: list[float] = np.interp(at_s, known_s, speed).tolist()
        self.look: list[float] = np.interp(at_s + preview_s, known_s, speed).tolist()
        self.grade: list[float] = np.interp(at_s + 0.5 * step_s, known_s, cycle.grade).tolist()
        held = np.searchsorted(known_s, at_s + 1e-9, "right") - 1
        payload = np.full(known_s.size, payload_kg) if cycle.payload_kg is None else cycle.payload_kg
        self.payload: list[float] = payload[held].tolist()


class Run:
    """One run under way; `simulate` is for who only wants its result.

    Args:
        vehicle: What drives.
        cycle: What is driven.
        pack: The pack; whoever holds it may look at its cells between two bursts.
        step_s: Step of the cells.
        payload_kg: Where the cycle says nothing of it; ``None``: the rated one.
        drive: How its drive is modelled.
    """

    def __init__(
        self,
        vehicle: VehicleParameters,
        cycle: Cycle,
        pack: Pack,
        step_s: float = 0.1,
        payload_kg: float | None = None,
        *,
        drive: Drive = "simple",
    ) -> None:
        self._vehicle, self._pack, self._step_s = vehicle, pack, step_s
        motor = vehicle.motor() if drive == "induction" else None
        self._inner = max(1, round(step_s / (VEHICLE_STEP_s if motor is None else MOTOR_STEP_s)))
        carried_kg = vehicle.payload_kg if payload_kg is None else payload_kg
        self._track = _Track(cycle, step_s, vehicle["driver.preview"], carried_kg)
        self._type = vehicle.block(motor)
        self._state: Array = np.zeros(_vehicle.STATE_SIZE)
        self._bms = StandInBms(vehicle, pack)
        self._reserve_W = _EMPTY_FACTOR * (vehicle["body.auxiliaries"] + vehicle["drive.idle"])
        self._square_A2s = 0.0
        self._at = self._ticks = 0
        self._state[_vehicle.LINK] = pack.emf_V
        self._soc_begin = pack.mean_soc
        self._rows = [self.sample()]
        self._through = False

    def bursts(self, wanted_s: float, sample_s: float = 1.0) -> Iterator[float]:
        """Drive up to this time, or until the pack is empty.

        Yields:
            The time reached, in s, at most a second after the one before.
        """
        between = max(1, round(sample_s / self._step_s))
        total = max(1, round(wanted_s / self._step_s))
        burst = min(between, max(1, round(_SUPERVISION_s / self._step_s)))
        while self._ticks < total and self._supervise():
            self._advance(min(burst, total - self._ticks))
            self._through = self._ticks >= total
            if self._ticks >= between * len(self._rows) or self._through:
                self._rows.append(self.sample())
            yield self._ticks * self._step_s

    def result(self) -> Result:
        """What the run was like until now."""
        now = self.sample()
        rows = self._rows if self._rows[-1][0] == now[0] else [*self._rows, now]
        table = np.array(rows).T
        columns = dict(zip(_COLUMNS, table, strict=True))
        return Result(**columns, summary=self._summary(table))

    def _supervise(self) -> bool:
        """Limits for the next while; whether there is anything left to drive with."""
        allowed, state = self._bms.look(), self._state
        state[_vehicle.DISCHARGE], state[_vehicle.CHARGE] = allowed.discharge_A, allowed.charge_A
        state[_vehicle.LOW], state[_vehicle.HIGH] = allowed.low_V, allowed.high_V
        generator = self._vehicle.generator
        if generator is not None:
            running = state[_vehicle.SOURCE] > 0.0
            runs = self._pack.mean_soc < (generator.off if running else generator.on)
            state[_vehicle.SOURCE] = generator.power_W if runs else 0.0
        enough = allowed.discharge_A * self._pack.emf_V > self._reserve_W
        full = float(self._pack.soc.min()) > self._vehicle["bms.low"]  # if it may give little, it is hot
        return bool(state[_vehicle.SOURCE] > 0.0) or enough or full

    def _advance(self, steps: int) -> None:
        """Steps of the cells, with the limits as they are."""
        state, pack, track = self._state, self._pack, self._track
        kind, step_s, inner, at = self._type, self._step_s, self._inner, self._at
        dt_s, path_Ohm = step_s / inner, self._vehicle["bms.path"]
        advance = _vehicle.advance
        emf, resistance = _vehicle.EMF, _vehicle.RESISTANCE
        speed, look, grade, payload = track.speed, track.look, track.grade, track.payload
        for _ in range(steps):
            state[emf], state[resistance] = pack.emf_V, pack.resistance_Ohm + path_Ohm
            state[_vehicle.GRADE], state[_vehicle.PAYLOAD] = grade[at], payload[at]
            current_A = advance(kind, state, speed[at], speed[at + 1], look[at], look[at + 1], dt_s, inner)
            pack.advance(current_A, step_s)
            self._square_A2s += current_A * current_A * step_s
            at = at + 1 if at + 1 < track.steps else 0
        self._at = at
        self._ticks += steps

    def sample(self) -> list[float]:
        """This instant, in the order of the arrays of `Result`."""
        state, pack = self._state, self._pack
        return [
            self._ticks * self._step_s,
            float(state[_vehicle.WAY]),
            float(state[_vehicle.SPEED]),
            pack.mean_soc,
            float(state[_vehicle.LINK]),
            float(state[_vehicle.CURRENT]),
            float(state[_vehicle.POWER]),
            float(pack.temperatures_degC.max()),
        ]

    def _motion_J(self) -> float:
        mass_kg = self._vehicle.mass_kg * (1.0 + self._vehicle["body.rotating"])
        speed, payload_kg = float(self._state[_vehicle.SPEED]), float(self._state[_vehicle.PAYLOAD])
        return 0.5 * (mass_kg + payload_kg) * speed * speed

    def _summary(self, table: Any) -> Summary:
        state = [float(value) for value in self._state]
        time_s, _, _, soc, voltage_V, _, _, hottest_degC = table
        duration_s = float(time_s[-1])
        works = {
            "auxiliaries": _vehicle.AUX, "drive": _vehicle.DRIVE, "gearbox": _vehicle.GEARBOX,
            "rolling": _vehicle.ROLLING, "drag": _vehicle.DRAG, "climb": _vehicle.CLIMB,
            "brakes": _vehicle.BRAKE,
        }  # fmt: skip
        held = {
            "drive": _vehicle.AT_DRIVE, "discharge": _vehicle.AT_DISCHARGE, "charge": _vehicle.AT_CHARGE,
            "grip": _vehicle.AT_GRIP,
        }  # fmt: skip
        return Summary(
            vehicle=self._vehicle.name,
            cycle=self._track.name,
            ended="cycle" if self._through else "empty",
            duration_s=duration_s,
            distance_m=state[_vehicle.WAY],
            wanted_m=state[_vehicle.WAY] + state[_vehicle.BEHIND],
            soc_begin=self._soc_begin,
            soc_end=float(soc[-1]),
            drawn_J=state[_vehicle.DRAWN],
            fed_J=state[_vehicle.FED],
            source_J=state[_vehicle.SOURCED],
            unserved_J=state[_vehicle.UNSERVED],
            works_J={name: state[at] for name, at in works.items()} | {"motion": self._motion_J()},
            held_s={name: state[at] for name, at in held.items()},
            most_A=state[_vehicle.MOST],
            least_A=state[_vehicle.LEAST],
            rms_A=sqrt(self._square_A2s / duration_s) if duration_s > 0.0 else 0.0,
            lowest_V=float(voltage_V.min()),
            highest_V=float(voltage_V.max()),
            hottest_degC=float(hottest_degC.max()),
        )
