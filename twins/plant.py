"""The plant: all twins, connected electrically and advanced together on one SimPy clock.

One process steps the plant on an absolute grid (10 ms unless configured). Whatever happens between
two steps, a contactor's contacts moving or a short, first brings the physics to that very instant;
the circuit's exponentials are exact for any step, so the grid shows in no result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import simpy

from twins.alarm import Alarm
from twins.books import Books
from twins.charger import Charger
from twins.circuit import Circuit
from twins.config import PlantConfig, VehicleConfig
from twins.contactor import Contactor
from twins.drive import Drive
from twins.drive.core import make_drive
from twins.frozen import freeze, thaw
from twins.inlet import Inlet
from twins.isolation import Isolation
from twins.loads import Loads
from twins.pack import Pack
from twins.port import Port
from twins.sensor import CellMonitor, CurrentSensor, JunctionBox, Noise
from twins.supply import Supply
from twins.truth import truth_ports

if TYPE_CHECKING:
    from twins.vehicle.twin import VehicleTwin

Turn = tuple[float, Callable[[], None]]  # an instant in s from now, and what happens then


def _vehicle(config: VehicleConfig, drive: Drive, step_s: float) -> VehicleTwin:
    from twins.vehicle.twin import VehicleTwin  # noqa: PLC0415 - only who has a vehicle needs it

    return VehicleTwin(config, drive, step_s)


class Plant:
    """Everything around the BMS.

    Args:
        env: A SimPy environment whose time is an integer number of nanoseconds.
        config: What the plant is made of.

    Attributes:
        ports: What wires and tests can hold on to, by name.
        charge_As: Charge that the pack has given since the reset.
    """

    def __init__(self, env: simpy.Environment, config: PlantConfig) -> None:
        self.env = env
        self.config = config
        ambient_degC = config.pack.ambient_degC
        self.pack = Pack(config.pack)
        self.circuit = Circuit(config.link, config.contactor, self._touch, config.fuse, ambient_degC)
        contactor = config.contactor
        self.contactors = {name: Contactor(env, name, contactor, self) for name in contactor.names}
        self.inlet = None if config.contactor.charge == "none" else Inlet(self.circuit, config.contactor)
        self.isolation = Isolation(config.sensors.isolation_Ohm)
        self.loads = Loads(config.loads, self.circuit)
        self.supply = None if config.supply is None else Supply(env, config.supply)
        self._charged = self.circuit if self.inlet is None else self.inlet  # what the charger feeds
        self.charger = Charger(env, config.charger)
        step_s = config.step_ns * 1e-9
        self.drive = make_drive(config.drive, step_s, ambient_degC)
        self.vehicle = None if config.vehicle is None else _vehicle(config.vehicle, self.drive, step_s)
        self._others = bool(self.loads) or self.supply is not None or self.vehicle is not None
        self.cell_monitor = CellMonitor(config.sensors, config.pack.strings, config.pack.series, ambient_degC)
        self.current_sensor = CurrentSensor(config.sensors, ambient_degC)
        self.junction_box = JunctionBox(config.sensors)
        self._connect_coils()
        self.ports = {port.name: port for port in self._all_ports()}
        self._alarm = Alarm(env, self._step)  # of the next step
        self.reset(0)

    def _all_ports(self) -> list[Port]:
        return [
            *self.cell_monitor.ports,
            *self.current_sensor.ports,
            *self.junction_box.ports,
            *self.charger.ports,
            *self.drive.ports,
            *(port for contactor in self.contactors.values() for port in contactor.ports),
            *self.loads.ports,
            *(() if self.supply is None else self.supply.ports),
            *(() if self.vehicle is None else self.vehicle.ports),
            *truth_ports(self),
        ]

    def _connect_coils(self) -> None:
        """The contactors' coils live on the auxiliary supply."""
        if self.supply is not None:
            self.supply.feed(self._let_go)
            for contactor in self.contactors.values():
                for level_V in contactor.coil_thresholds_V:
                    self.supply.watch(level_V, contactor.supplied)

    def _let_go(self, bms_on: bool) -> None:
        """The BMS switches the coils: when it stops, they are let go until it commands them anew."""
        if not bms_on:
            for contactor in self.contactors.values():
                contactor.let_go()

    def reset(self, seed: int) -> None:
        """Everything as configured, whole, off; all noise by ``seed``. Steps count from now."""
        self.noise = Noise(seed)
        self.pack.reset()
        self.pack.ambient_degC = self.config.pack.ambient_degC
        for contactor in self.contactors.values():
            contactor.reset()
        self.circuit.reset()
        self.isolation.reset()
        self.loads.reset()
        if self.inlet is not None:
            self.inlet.reset()
        if self.supply is not None:
            self.supply.reset()
        self.drive.reset()
        if self.vehicle is not None:
            self.vehicle.reset()
        self.charger.reset()
        self.cell_monitor.reset()
        self.current_sensor.reset()
        self.junction_box.reset()
        self.charge_As = 0.0
        self._arcs: list[Contactor] = []
        self._ticks = 0
        self._at_ns = int(self.env.now)
        self._touch()
        self._rewire()
        self._sample()
        self._start(self.config.step_ns)

    def safe(self) -> None:
        """Drive, charger and other loads off, no torque, no balancing; nobody drives the vehicle."""
        if self.vehicle is not None:
            self.vehicle.safe()
        self.drive.safe()
        self.charger.safe()
        self.loads.safe()
        self.cell_monitor.safe()

    # --- time -------------------------------------------------------------------------------------

    def _start(self, first_ns: int) -> None:
        """Step from ``first_ns`` after now on; a run that was under way ends."""
        self._alarm.cancel()
        self._alarm = Alarm(self.env, self._step)
        self._next_ns = int(self.env.now) + first_ns
        self.env.schedule(self._alarm, delay=first_ns)

    def _step(self, alarm: simpy.Event) -> None:
        step_ns = self.config.step_ns
        self._next_ns += step_ns
        self._tick()
        self.env.schedule(alarm, delay=step_ns)

    def _tick(self) -> None:
        self._ticks += 1
        self.sync()
        circuit, emf_V = self.circuit, self.pack.emf_V
        self._sample()
        self.drive.update(circuit, emf_V)
        self.charger.update(self._charged, emf_V)
        if self._others:
            self._tick_others()
        circuit.set_discharging(not (circuit.connected or self.drive.draws))

    def _tick_others(self) -> None:
        if self.vehicle is not None:
            self.vehicle.update()
        if self.loads:
            self.loads.update()
        if self.supply is not None and self.supply.moving:
            self.supply.show()

    def sync(self) -> None:
        """Bring the physics to the present instant, with the set points of the last step.

        What breaks, trips or goes out on the way does so at its own instant.
        """
        now_ns = int(self.env.now)
        left_ns = now_ns - self._at_ns
        if left_ns <= 0:
            return
        self._at_ns = now_ns
        dt_s = left_ns * 1e-9
        load_A, drive, circuit = self._load(), self.drive, self.circuit
        quiet = not (circuit.breakable or self._arcs or self.loads.floor_V)
        if quiet and (not drive.draws or drive.stands(circuit.voltage_after(load_A, dt_s))):
            self._advance(load_A, dt_s)  # nearly always
        else:
            self._advance_by_turns(load_A, dt_s)

    def _advance_by_turns(self, load_A: float, dt_s: float) -> None:
        while dt_s > 0.0:
            turn = self._turn_within(load_A, dt_s)
            if turn is None:
                self._advance(load_A, dt_s)
                return
            instant_s, act = turn
            if instant_s > 0.0:
                self._advance(load_A, instant_s)
            dt_s -= instant_s
            act()
            load_A = self._load()

    def _load(self) -> float:
        """What drive, charger and others together take from the link from now on, in A."""
        pack, circuit, charger = self.pack, self.circuit, self.charger
        circuit.view(pack.emf_V, pack.resistance_Ohm)
        if self.inlet is not None:
            return self._load_by(self.inlet)
        if not self._others:
            self.drive.drawn_A = drive_A = self.drive.current(circuit, charger.current_A)
            charger.current_A = charger_A = charger.current(circuit, drive_A)
            return drive_A - charger_A
        loads = self.loads
        others_A = loads.current_A
        self.drive.drawn_A = drive_A = self.drive.current(circuit, charger.current_A - others_A)
        charger.current_A = charger_A = charger.current(circuit, drive_A + others_A)
        return drive_A + loads.solve(drive_A - charger_A) - charger_A

    def _load_by(self, inlet: Inlet) -> float:
        """The same, and what a charger feeds into the pack's terminals by an inlet of its own."""
        circuit, loads = self.circuit, self.loads
        self.drive.drawn_A = drive_A = self.drive.current(circuit, -loads.current_A)
        link_A = drive_A + loads.solve(drive_A)
        inlet.feed_A = self.charger.current(inlet, inlet.load_share * link_A)
        self.charger.current_A = inlet.feed_A
        circuit.feed(inlet.feed_A)
        return link_A

    def _advance(self, load_A: float, dt_s: float) -> None:
        """Advance pack and circuit by one interval in which nothing is switched."""
        if self._arcs:
            path_As = abs(self.circuit.courses(load_A)[1].integral(dt_s))
            for contactor in self._arcs:
                contactor.arc_J += contactor.config.arc_drop_V * path_As
        mean_A = self.circuit.advance(load_A, dt_s)
        self.pack.advance(mean_A, dt_s)
        self.charge_As += mean_A * dt_s

    # --- what happens within a step ---------------------------------------------------------------

    def _turn_within(self, load_A: float, dt_s: float) -> Turn | None:
        """What happens first within ``dt_s`` by the course of the physics itself, and when."""
        circuit, drive = self.circuit, self.drive
        turns: list[Turn] = []
        after_V = circuit.voltage_after(load_A, dt_s)
        if drive.draws and not drive.stands(after_V):
            turns.append(self._trip(load_A, dt_s, after_V))
        if after_V < self.loads.floor_V:
            floor_V = self.loads.floor_V
            instant_s = circuit.time_to(floor_V, load_A) if circuit.link_V > floor_V else 0.0
            turns.append((min(instant_s, dt_s), self.loads.drop_out))
        breaks = circuit.breaks_within(load_A, dt_s)
        if breaks is not None:
            turns.append((breaks.instant_s, lambda: circuit.break_now(breaks)))
        if self._arcs:
            instant_s = circuit.courses(load_A)[1].time_to(0.0)
            if instant_s <= dt_s:
                turns.append((instant_s, self._quench_all))
        return min(turns, key=lambda turn: turn[0], default=None)

    def _trip(self, load_A: float, dt_s: float, after_V: float) -> Turn:
        """The instant within ``dt_s`` at which the link leaves the drive's range, and what happens then."""
        circuit, drive = self.circuit, self.drive
        instant_s = 0.0
        if drive.stands(circuit.link_V):
            bound_V = drive.low_V if after_V < circuit.link_V else drive.high_V
            instant_s = min(circuit.time_to(bound_V, load_A), dt_s)

        def trip() -> None:
            drive.trip()
            circuit.set_discharging(not circuit.connected)

        return instant_s, trip

    def _touch(self) -> None:
        """As :meth:`sync`, and the circuit sees the pack as it is now."""
        self.sync()
        self.circuit.view(self.pack.emf_V, self.pack.resistance_Ohm)

    # --- switching --------------------------------------------------------------------------------

    def move(self, contactor: Contactor, closed: bool) -> None:
        """A contactor's contacts touch or part at this instant."""
        self._touch()
        if not closed:
            broken_A = self.circuit.current_through(contactor.name)
            contactor.part(abs(broken_A), self._strikes(contactor))
        elif contactor.arcing:
            contactor.quench()
        contactor.settle(closed)
        self._rewire()
        if closed:
            contactor.touched(abs(self.circuit.current_through(contactor.name)))

    def _strikes(self, contactor: Contactor) -> bool:
        """Whether an arc would carry the current: not beside a closed precharge, nor against a charger."""
        beside = {"main_plus": "precharge", "precharge": "main_plus"}
        if contactor.name == "main_minus":
            return True
        return contactor.name in beside and not self.contactors[beside[contactor.name]].closed

    def quench(self, contactor: Contactor) -> None:
        """A contactor's arc goes out at this instant."""
        self._touch()
        contactor.quench()
        self._rewire()

    def _quench_all(self) -> None:
        """The arcs' current is zero: all of them are in its path."""
        for contactor in self._arcs:
            contactor.quench()
        self._rewire()

    def _rewire(self) -> None:
        """The circuit as the contacts are now."""
        circuit, contactors = self.circuit, self.contactors
        self._arcs = [contactor for contactor in contactors.values() if contactor.arcing]
        plus, minus, precharge = (
            contactors[name].closed or contactors[name].arcing
            for name in ("main_plus", "main_minus", "precharge")
        )
        forward = 1.0 if circuit.current_through("main_minus") >= 0.0 else -1.0
        circuit.connect(main_plus=plus, main_minus=minus, precharge=precharge)
        circuit.arc(forward * sum(contactor.config.arc_drop_V for contactor in self._arcs))
        if self._arcs and forward * circuit.current_through("main_minus") <= 0.0:
            self._quench_all()  # the link holds against it: with nothing to drive it, it goes out at once
            return
        if self.inlet is not None:
            self._rewire_inlet(self.inlet, minus)
        if self.isolation.leaks:
            self._leak()
        circuit.set_discharging(not (circuit.connected or self.drive.draws))

    def _rewire_inlet(self, inlet: Inlet, main_minus: bool) -> None:
        contactors = self.contactors
        minus = contactors["charge_minus"].closed if "charge_minus" in contactors else main_minus
        inlet.join(plus=contactors["charge_plus"].closed, minus=minus)
        if not inlet.connected:
            inlet.feed_A = 0.0
            self.circuit.feed(0.0)

    # --- isolation --------------------------------------------------------------------------------

    def leak(self, pole: str, isolation_Ohm: float | None, side: str = "pack") -> None:
        """Let a pole leak to the chassis, or mend it; see :meth:`twins.isolation.Isolation.leak`.

        Raises:
            ValueError: As there.
        """
        self._touch()
        self.isolation.leak(pole, isolation_Ohm, side)
        self._leak()

    def leak_inside(self, tap: int, isolation_Ohm: float | None) -> None:
        """Let a place between two cells leak to the chassis, or mend it; taps are string 1's.

        Raises:
            ValueError: If there is no such tap, or no leak leaves that much.
        """
        series = self.pack.config.series
        if not 1 <= tap <= series + 1:
            raise ValueError(f"there is no tap {tap}: they are numbered 1 to {series + 1}")
        self._touch()
        self.isolation.leak_inside((tap - 1) / series, isolation_Ohm)
        self._leak()

    def _leak(self) -> None:
        """What monitor and circuit have of the leaks, with the contacts as they are."""
        contactors = self.contactors
        plus = contactors["main_plus"].closed or contactors["precharge"].closed
        self.isolation.join(plus=plus, minus=contactors["main_minus"].closed)
        self.junction_box.see_isolation(*self.isolation.seen_Ohm)
        self.circuit.set_leak(self.isolation.across_S)

    # --- inside the pack --------------------------------------------------------------------------

    def change_pack(self, change: Callable[[Pack], None]) -> None:
        """Change something inside the pack at this instant: a fault, a string switched.

        Raises:
            ValueError: What the change itself raises.
        """
        self._touch()
        change(self.pack)
        self._touch()

    def cell_number(self, cell: int, branch: int) -> int:
        """The pack's number of a cell: group and branch within it, both from 1.

        Raises:
            ValueError: If there is no such group or branch.
        """
        groups, branches = self.pack.groups, self.pack.config.parallel
        if not 1 <= cell <= groups:
            raise ValueError(f"there is no cell {cell}: they are numbered 1 to {groups}")
        if not 1 <= branch <= branches:
            raise ValueError(f"there is no branch {branch}: they are numbered 1 to {branches}")
        return (branch - 1) * groups + cell - 1

    def keep_books(self) -> Books:
        """Keep account of all energy from now on."""
        self._touch()
        return self.circuit.keep_books()

    # --- sensors ----------------------------------------------------------------------------------

    def measure(self) -> None:
        """Let each sensor measure at this instant, due or not: who begins to listen hears nothing older."""
        self._touch()
        self._sample_at(0)

    def _sample(self) -> None:
        """Let each sensor that is due measure."""
        self._sample_at(self._ticks * self.config.step_ns)

    def _sample_at(self, past_ns: int) -> None:
        sensors, noise = self.config.sensors, self.noise
        circuit = self.circuit
        if past_ns % sensors.current_period_ns == 0:
            self.current_sensor.sample_current(circuit.pack_A, noise)
        if past_ns % sensors.voltage_period_ns == 0:
            pack = self.pack
            pack_V = pack.emf_V - pack.resistance_Ohm * circuit.pack_A
            self.current_sensor.sample_voltages(pack_V, circuit.link_V, circuit.pack_A, noise)
        if past_ns % sensors.cell_period_ns == 0:
            self._sample_cells()
        if past_ns % sensors.temperature_period_ns == 0:
            self.cell_monitor.sample_temperatures(self.pack.temperatures_degC, noise)

    def _sample_cells(self) -> None:
        pack, monitor = self.pack, self.cell_monitor
        pack.current_A = self.circuit.pack_A
        monitor.sample_voltages(pack.cell_voltages(), self.noise)
        if monitor.new_mask():
            pack.set_balance(monitor.mask)

    # --- forks ------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """The whole world at this instant; times count from now, so it may be restored at another.

        Saving changes nothing: the run goes on as if it had not been saved.
        """
        state = {name: twin.save() for name, twin in self._twins().items()}
        now_ns = int(self.env.now)
        state["plant"] = {
            "config": self._kind,
            "pack": self.pack.save(),
            "ticks": self._ticks,
            "next_ns": self._next_ns - now_ns,
            "behind_ns": now_ns - self._at_ns,
            "charge_As": self.charge_As,
        }
        return freeze(state)

    def restore(self, saved: bytes) -> None:
        """Go on from what :meth:`save` gave, from now on.

        Raises:
            ValueError: If it is the state of another plant, or none at all.
        """
        state = thaw(saved)
        plant = state["plant"]
        if plant["config"] != self._kind:
            raise ValueError("this state belongs to another plant")
        self.pack.restore(plant["pack"])
        for name, twin in self._twins().items():
            twin.restore(state[name])
        self._arcs = [contactor for contactor in self.contactors.values() if contactor.arcing]
        self._ticks = plant["ticks"]
        self.charge_As = plant["charge_As"]
        self._at_ns = int(self.env.now) - plant["behind_ns"]
        self._start(plant["next_ns"])

    @cached_property
    def _kind(self) -> str:
        """What tells this plant's configuration from any other."""
        return sha256(repr(self.config).encode()).hexdigest()

    def _twins(self) -> dict[str, Any]:
        return {
            "circuit": self.circuit,
            "drive": self.drive,
            "charger": self.charger,
            "cell_monitor": self.cell_monitor,
            "current_sensor": self.current_sensor,
            "junction_box": self.junction_box,
            "noise": self.noise,
            "isolation": self.isolation,
            "loads": self.loads,
            **({} if self.supply is None else {"supply": self.supply}),
            **({} if self.vehicle is None else {"vehicle": self.vehicle}),
            **({} if self.inlet is None else {"inlet": self.inlet}),
            **self.contactors,
        }
