"""A small world for nodes: a plant, a bus, and frames to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.frames.database import Database, load_database
from hil.nodes.speaker import Manners, Speaker
from twins.config import ChargerConfig, PackConfig, PlantConfig
from twins.plant import Plant

SERIES = 96


class NodeWorld:
    """A pack with closed contactors, a plugged charger, and a bus."""

    def __init__(self, dbc: str, bitrate: int, charger: ChargerConfig) -> None:
        self.clock = VirtualClock()
        self.medium = Medium(self.clock, "charge", bitrate)
        self.database: Database = load_database([Path(str(files("hil") / "dbc" / dbc))])
        pack = PackConfig("winston-lyp-160", series=SERIES, soc=0.5)
        self.plant = Plant(self.clock, PlantConfig(pack, charger=charger))
        self.frames: list[Frame] = []
        self.medium.taps.append(self.frames.append)
        self._names = {m.key: m.name for m in self.database.messages.values()}

    @property
    def ports(self) -> Mapping[str, Any]:
        return self.plant.ports

    def __getitem__(self, port: str) -> float:
        return self.plant.ports[port].value

    def __setitem__(self, port: str, value: float) -> None:
        self.plant.ports[port].write(value)

    def connect(self) -> None:
        """Through precharge to closed main contactors."""
        for contactor in ("main_minus", "precharge"):
            self[f"contactor.{contactor}.command"] = 1.0
        self.run(2.0)
        self["contactor.main_plus.command"] = 1.0
        self.run(0.1)
        self["contactor.precharge.command"] = 0.0

    def run(self, seconds: float) -> None:
        self.clock.run_until(self.clock.now_ns + round(seconds * NS_PER_S))

    def run_to(self, holds: Callable[[], bool], within: float, step: float = 0.001) -> float:
        """Run until something holds; the seconds that took."""
        begun_ns = self.clock.now_ns
        while not holds():
            self.run(step)
            passed = (self.clock.now_ns - begun_ns) / NS_PER_S
            assert passed <= within, f"not within {within} s"
        return (self.clock.now_ns - begun_ns) / NS_PER_S

    def speaker(self, name: str, **manners: Any) -> Speaker:
        return Speaker(self.clock, self.medium, self.database, name, Manners(**manners))

    def sent(self, message: str, since_ns: int = 0) -> list[Frame]:
        """Frames of a message, oldest first."""
        key = self.database.messages[message].key
        return [f for f in self.frames if f.key == key and f.t_ns >= since_ns and not f.error]

    def said(self, message: str) -> dict[str, float]:
        """What a message said last."""
        return self.database.messages[message].decode_dict(self.sent(message)[-1].data)

    def sequence(self, *leave_out: str) -> list[str]:
        """The order in which messages were first said, transport protocol as TP."""
        order: list[str] = []
        for frame in self.frames:
            name = self._names.get(frame.key, "TP")
            if name not in order and name not in leave_out:
                order.append(name)
        return order

    def periods_ms(self, message: str, since_ns: int = 0) -> list[float]:
        times = [frame.t_ns for frame in self.sent(message, since_ns)]
        return [(b - a) / NS_PER_MS for a, b in pairwise(times)]


@pytest.fixture
def node_world() -> Iterator[Callable[..., NodeWorld]]:
    def make(dbc: str, bitrate: int = 250_000, charger: ChargerConfig | None = None) -> NodeWorld:
        config = charger or ChargerConfig(max_V=420.0, max_A=100.0, min_V=200.0)
        return NodeWorld(dbc, bitrate, config)

    return make
