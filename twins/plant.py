"""The plant: all twins, connected electrically and advanced together on one SimPy clock.

One process steps the plant on an absolute grid (10 ms unless configured). Whatever happens between
two steps, a contactor's contacts moving or a short, first brings the physics to that very instant;
the circuit's exponentials are exact for any step, so the grid shows in no result.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import simpy

from twins.alarm import Alarm
from twins.charger import Charger
from twins.circuit import Circuit
from twins.config import PlantConfig
from twins.contactor import Contactor
from twins.drive import Drive
from twins.pack import Pack
from twins.port import Port
from twins.sensor import CellMonitor, CurrentSensor, JunctionBox, Noise
from twins.truth import truth_ports

_CONTACTORS = ("main_plus", "main_minus", "precharge")


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
        self.circuit = Circuit(config.link, config.contactor, self._touch)
        self.contactors = {name: Contactor(env, name, config.contactor, self._move) for name in _CONTACTORS}
        self.charger = Charger(env, config.charger)
        self.drive = Drive(config.drive, config.step_ns * 1e-9, ambient_degC)
        self.cell_monitor = CellMonitor(config.sensors, config.pack.strings, config.pack.series, ambient_degC)
        self.current_sensor = CurrentSensor(config.sensors, ambient_degC)
        self.junction_box = JunctionBox(config.sensors)
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
            *truth_ports(self.pack, self.circuit, self.sync),
        ]

    def reset(self, seed: int) -> None:
        """Everything as configured, whole, off; all noise by ``seed``. Steps count from now."""
        self.noise = Noise(seed)
        self.pack.reset()
        self.pack.ambient_degC = self.config.pack.ambient_degC
        for contactor in self.contactors.values():
            contactor.reset()
        self.circuit.reset()
        self.drive.reset()
        self.charger.reset()
        self.cell_monitor.reset()
        self.current_sensor.reset()
        self.junction_box.reset()
        self.charge_As = 0.0
        self._ticks = 0
        self._at_ns = int(self.env.now)
        self._touch()
        self._rewire()
        self._sample()
        self._start(self.config.step_ns)

    def safe(self) -> None:
        """Drive and charger off, no torque, no balancing."""
        self.drive.safe()
        self.charger.safe()
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
        self.charger.update(circuit, emf_V)
        circuit.set_discharging(not (circuit.connected or self.drive.draws))

    def sync(self) -> None:
        """Bring the physics to the present instant, with the set points of the last step."""
        now_ns = int(self.env.now)
        left_ns = now_ns - self._at_ns
        if left_ns <= 0:
            return
        self._at_ns = now_ns
        dt_s = left_ns * 1e-9
        load_A = self._load()
        if self.drive.draws and not self.drive.stands(self.circuit.voltage_after(load_A, dt_s)):
            dt_s -= self._trip(load_A, dt_s)
            load_A = self._load()
        if dt_s > 0.0:
            self._advance(load_A, dt_s)

    def _load(self) -> float:
        """What drive and charger together take from the link from now on, in A."""
        pack, circuit = self.pack, self.circuit
        circuit.view(pack.emf_V, pack.resistance_Ohm)
        self.drive.drawn_A = drive_A = self.drive.current(circuit, self.charger.current_A)
        self.charger.current_A = charger_A = self.charger.current(circuit, drive_A)
        return drive_A - charger_A

    def _advance(self, load_A: float, dt_s: float) -> None:
        """Advance pack and circuit by one interval in which nothing is switched."""
        mean_A = self.circuit.advance(load_A, dt_s)
        self.pack.advance(mean_A, dt_s)
        self.charge_As += mean_A * dt_s

    def _trip(self, load_A: float, dt_s: float) -> float:
        """Advance to the instant within ``dt_s`` at which the link leaves the drive's range; trip.

        Returns:
            How far that was, in s.
        """
        circuit, drive = self.circuit, self.drive
        passed_s = 0.0
        if drive.stands(circuit.link_V):
            falls = circuit.voltage_after(load_A, dt_s) < circuit.link_V
            bound_V = drive.low_V if falls else drive.high_V
            passed_s = min(circuit.time_to(bound_V, load_A), dt_s)
        if passed_s > 0.0:
            self._advance(load_A, passed_s)
        drive.trip()
        circuit.set_discharging(not circuit.connected)
        return passed_s

    def _touch(self) -> None:
        """As :meth:`sync`, and the circuit sees the pack as it is now."""
        self.sync()
        self.circuit.view(self.pack.emf_V, self.pack.resistance_Ohm)

    # --- switching --------------------------------------------------------------------------------

    def _move(self, contactor: Contactor, closed: bool) -> None:
        """A contactor's contacts touch or part at this instant."""
        self._touch()
        if not closed:
            broken_A = abs(self.circuit.current_through(contactor.name))
            contactor.openings_under_load += broken_A > contactor.config.load_A
        contactor.settle(closed)
        self._rewire()

    def _rewire(self) -> None:
        """The circuit as the contacts are now."""
        circuit = self.circuit
        circuit.connect(**{name: contactor.closed for name, contactor in self.contactors.items()})
        circuit.set_discharging(not (circuit.connected or self.drive.draws))

    # --- sensors ----------------------------------------------------------------------------------

    def _sample(self) -> None:
        """Let each sensor that is due measure."""
        sensors, ticks, noise = self.config.sensors, self._ticks, self.noise
        past_ns = ticks * self.config.step_ns
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
            "config": repr(self.config),
            "pack": b64encode(self.pack.save()).decode("ascii"),
            "ticks": self._ticks,
            "next_ns": self._next_ns - now_ns,
            "behind_ns": now_ns - self._at_ns,
            "charge_As": self.charge_As,
        }
        return json.dumps(state).encode("ascii")

    def restore(self, saved: bytes) -> None:
        """Go on from what :meth:`save` gave, from now on.

        Raises:
            ValueError: If it is the state of another plant.
        """
        state = json.loads(saved)
        plant = state["plant"]
        if plant["config"] != repr(self.config):
            raise ValueError("this state belongs to another plant")
        self.pack.restore(b64decode(plant["pack"]))
        for name, twin in self._twins().items():
            twin.restore(state[name])
        self._ticks = plant["ticks"]
        self.charge_As = plant["charge_As"]
        self._at_ns = int(self.env.now) - plant["behind_ns"]
        self._start(plant["next_ns"])

    def _twins(self) -> dict[str, Any]:
        return {
            "circuit": self.circuit,
            "drive": self.drive,
            "charger": self.charger,
            "cell_monitor": self.cell_monitor,
            "current_sensor": self.current_sensor,
            "junction_box": self.junction_box,
            "noise": self.noise,
            **self.contactors,
        }
