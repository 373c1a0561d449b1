"""A station on a bus, with a vehicle or with a script in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hil.frames.j1939 import Parcel
from hil.frames.transport import Transport
from hil.nodes.gbt27930.charger import Charger, Rating
from hil.nodes.gbt27930.times import ChargerTimes, VehicleTimes
from hil.nodes.gbt27930.vehicle import Battery, Vehicle, Wishes
from hil.nodes.power import PowerStage

QUICK = ChargerTimes(insulation_ns=300_000_000)
WISHES = Wishes(max_V=336.0, max_cell_V=3.65, max_A=80.0, end_A=8.0, capacity_Ah=160.0, nominal_V=307.0)


class Script:
    """A BMS that says what the test says: frames as text, long messages by a transport of its own."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.node = world.medium.attach("script", on_frame=self._hear)
        self.transport = Transport(world.clock, 0xF4, self._emit, self._take)
        self.ids = {m.name: m.id for m in world.database.messages.values()}

    def say(self, message: str, text: str) -> None:
        """One message; bytes as in a capture."""
        data = bytes.fromhex(text)
        if len(data) <= 8:
            self._emit(self.ids[message], data)
        else:
            self.transport.send(self.ids[message] >> 8 & 0xFF00, data, 0x56)

    def keep_saying(self, seconds: float, every: float, *messages: tuple[str, str]) -> None:
        """These messages again and again while time passes."""
        for _ in range(round(seconds / every)):
            for message, text in messages:
                self.say(message, text)
            self.world.run(every)

    def _emit(self, ident: int, data: bytes) -> None:
        self.node.send(ident, data, extended=True)

    def _hear(self, frame: Any) -> None:
        if frame.extended:
            self.transport.hear(frame.id, frame.data)

    def _take(self, parcel: Parcel) -> None:
        raise AssertionError(f"the station sends no long message: {parcel}")


class Bench:
    """The world, its station, and a way to put a vehicle there."""

    def __init__(self, world: Any, times: ChargerTimes, rating: Rating) -> None:
        self.world = world
        speaker = world.speaker("station", sender="CHG", address=0x56, fill=1, shortest={"BRM": 41})
        rating = replace(rating, times=times)
        self.station = Charger("dc", world.clock, speaker, PowerStage(world.ports), rating)
        self.station.start()

    def vehicle(self, wishes: Wishes = WISHES, times: VehicleTimes | None = None) -> Vehicle:
        wishes = replace(wishes, times=times or VehicleTimes())
        speaker = self.world.speaker("vehicle", sender="BMS", address=0xF4, fill=1)
        battery = Battery(self.world.ports, self.world.clock)
        vehicle = Vehicle("ev", self.world.clock, speaker, battery, wishes)
        vehicle.start()
        return vehicle

    def set(self, port: str, value: float) -> None:
        """An input of the station."""
        next(p for p in self.station.ports if p.name == f"nodes.dc.{port}").write(value)

    def shows(self, port: str) -> float:
        return next(p for p in self.station.ports if p.name == f"nodes.dc.{port}").value

    @property
    def state(self) -> str:
        return self.station.state.name.lower()

    def plug(self) -> None:
        self.world["charger.plugged"] = 1.0


@pytest.fixture
def bench(node_world: Callable[..., Any]) -> Callable[..., Bench]:
    def make(times: ChargerTimes = QUICK, *, connected: bool = True, **charger: Any) -> Bench:
        from twins.config import ChargerConfig

        config = ChargerConfig(**{"max_V": 420.0, "max_A": 100.0, "min_V": 200.0} | charger)
        world = node_world("gbt27930.dbc", charger=config)
        if connected:
            world.connect()
        return Bench(world, times, Rating(max_V=config.max_V, min_V=config.min_V, max_A=config.max_A))

    return make

