"""A vehicle on a plant: its driver follows a speed, its shaft turns the plant's drive."""

from __future__ import annotations

from math import isnan, pi
from typing import Any

import numpy as np

from twins.config import VehicleConfig
from twins.drive import Drive
from twins.port import Bank, Port
from twins.vehicle import _vehicle
from twins.vehicle.parameters import Array, load

_DRIVING, _TARGET, _GRADE, _PAYLOAD = range(4)
_KMH = 3.6
_RPM = 30.0 / pi


class VehicleTwin:
    """Stands until ``vehicle.driving`` is 1; then it asks the drive for torque, step by step.

    When nobody drives any more the drive is off, and its brakes bring the vehicle to a stand. From then
    on it leaves the drive alone, so that tests may ask the drive themselves.
    """

    def __init__(self, config: VehicleConfig, drive: Drive, step_s: float) -> None:
        self.parameters = load(config.name)
        self._rated_kg = config.load * self.parameters.payload_kg
        self._type = self.parameters.block()
        self._state: Array = np.zeros(_vehicle.STATE_SIZE)
        self._drive, self._step_s = drive, step_s
        self._to_drive = {port.name: port for port in drive.ports if port.direction == "in"}
        self._set = Bank([0.0] * 4)
        self._shown = Bank([0.0] * 2)
        self.ports = (
            Port("vehicle.driving", "", self._set, _DRIVING, 0, 1, "in"),
            Port("vehicle.target_speed", "km/h", self._set, _TARGET, 0, 360, "in"),
            Port("vehicle.grade", "", self._set, _GRADE, -0.5, 0.5, "in"),
            Port("vehicle.payload", "kg", self._set, _PAYLOAD, 0, 1e6, "in"),
            Port("vehicle.speed", "km/h", self._shown, 0, 0, 360),
            Port("vehicle.distance", "m", self._shown, 1, 0, 1e9),
        )
        self.reset()

    def reset(self) -> None:
        """At rest on the flat, with its configured load."""
        self._set.held.clear()
        self._shown.held.clear()
        self._set.publish([0.0, 0.0, 0.0, self._rated_kg])
        self._shown.publish([0.0, 0.0])
        self._state[:] = 0.0
        self._drives = False

    def safe(self) -> None:
        """Nobody drives."""
        self._set.publish([0.0, 0.0, *self._set.readings[_GRADE:]])

    def update(self) -> None:
        """One step; what is not available counts as standing still on the flat, without a load."""
        driving, target, grade, payload = (0.0 if isnan(value) else value for value in self._set.values)
        drives = driving >= 0.5
        if not drives and not self._drives:
            return
        self._drives = drives or float(self._state[_vehicle.SPEED]) > 0.0
        target = target if drives else 0.0
        self._state[_vehicle.GRADE], self._state[_vehicle.PAYLOAD] = grade, payload
        torque = self._drive.torque_Nm
        request = _vehicle.follow(self._type, self._state, target / _KMH, torque, self._step_s)
        self._ask(*((1.0, request) if drives else (0.0, 0.0)))
        speed, way = float(self._state[_vehicle.SPEED]), float(self._state[_vehicle.WAY])
        self._shown.publish([speed * _KMH, way])

    def _ask(self, enable: float, torque: float) -> None:
        ports, state = self._to_drive, self._state
        ratio = self.parameters.gears[int(state[_vehicle.GEAR])] / self.parameters["body.wheel_radius"]
        ports["drive.enable"].write(enable)
        ports["drive.torque_request"].write(torque)
        ports["drive.speed_request"].write(float(state[_vehicle.SPEED]) * ratio * _RPM)

    def save(self) -> dict[str, Any]:
        """The whole state."""
        core = [float(value) for value in self._state]
        return {"set": self._set.save(), "shown": self._shown.save(), "core": core, "drives": self._drives}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        self._set.restore(state["set"])
        self._shown.restore(state["shown"])
        self._state[:] = state["core"]
        self._drives = state["drives"]
