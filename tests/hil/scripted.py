"""A BMS that says what a test has written down, frame by frame; and the small rig around it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simpy.events import Event

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import Node
from hil.bus.open import open_medium
from hil.clock import NS_PER_MS, VirtualClock
from hil.host.world import World
from hil.rig.load import load_rig
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig

SMALL = Path(__file__).parents[1] / "flow" / "small"
STATUS = 256
INIT, STANDBY, OPERATE, FAULT = 0, 1, 3, 7
Line = tuple[float, bytes]  # ms after power-on, data of a BMS_Status


def small_rig(folder: Path) -> RigConfig:
    """The rig of four cells; its firmware is a file that nobody loads."""
    for name in ("rig.toml", "bms.dbc"):
        shutil.copy(SMALL / name, folder)
    (folder / "firmware.so").write_bytes(b"scripted")
    return load_rig(folder / "rig.toml")


def status(state: int = STANDBY, *, plus: int = 0, fault: int = 0, highest_mv: int = 3300) -> bytes:
    """The data of a BMS_Status."""
    return bytes([state | plus << 4 | fault << 5, 0, *highest_mv.to_bytes(2, "little"), 0, 0, 0, 0])


def every(cycle_ms: float, until_ms: float, data: bytes, since_ms: float = 0.0) -> list[Line]:
    """The same frame again and again."""
    count = int((until_ms - since_ms) / cycle_ms)
    return [(since_ms + k * cycle_ms, data) for k in range(count)]


class ScriptedBms:
    """Sends its lines and hears everything."""

    def __init__(self, clock: VirtualClock, lines: Sequence[Line], identifier: int = STATUS) -> None:
        self._clock = clock
        self._lines = sorted(lines)
        self._identifier = identifier
        self._node: Node | None = None
        self.heard: list[Frame] = []
        self.powered = False

    def attach(self, medium: Medium) -> None:
        self._node = medium.attach("bms", on_frame=self.heard.append)

    def power_on(self, *, cold: bool) -> None:  # noqa: ARG002
        self.powered = True
        self._clock.process(self._run(self._clock.now_ns))

    def power_off(self) -> None:
        self.powered = False

    def supply(self, on: bool) -> None:
        self.powered = on

    def _run(self, begun_ns: int) -> Generator[Event, None, None]:
        for at_ms, data in self._lines:
            yield self._clock.timeout(begun_ns + int(at_ms * NS_PER_MS) - self._clock.now_ns)
            if not self.powered or self._node is None:
                return
            self._node.send(self._identifier, data)


@dataclass
class Notes:
    """A journal that keeps what it is told."""

    rows: list[tuple[str, Any]] = field(default_factory=list)

    def step(self, test: str, t_ns: int, text: str) -> None:  # noqa: ARG002
        self.rows.append(("step", text))

    def stimulus(self, test: str, stimulus: Any) -> None:  # noqa: ARG002
        self.rows.append(("stimulus", stimulus))

    def check(self, test: str, result: Any) -> None:  # noqa: ARG002
        self.rows.append(("check", result))

    def proves(self, test: str, requirement: str) -> None: ...

    def cell(self, test: str, cell: int, place: Any, result: Any) -> None:  # noqa: ARG002
        self.rows.append(("cell", (cell, place, result.ok)))

    def plot(self, test: str, plot: Any) -> None:  # noqa: ARG002
        self.rows.append(("plot", plot))

    def of(self, kind: str) -> list[Any]:
        return [row for name, row in self.rows if name == kind]


def scripted_world(config: RigConfig, lines: Sequence[Line] = (), start_ns: int = 0) -> World:
    """A world whose BMS says these lines."""
    clock = VirtualClock(start_ns)
    media = {name: open_medium(name, bus, clock, 1) for name, bus in config.buses.items()}
    return World(config, clock, media, ScriptedBms(clock, lines), None, 1)


def scripted_rig(config: RigConfig, lines: Sequence[Line] = ()) -> tuple[Rig, World, Notes]:
    """A rig whose BMS says these lines; it is switched on at 0, and the rig has not waited for it."""
    world, notes = scripted_world(config, lines), Notes()
    world.power_on()
    return Rig(config, world, notes, "test"), world, notes
