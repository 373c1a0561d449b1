"""A plant process as ``hil plant`` runs it, on local buses and with as many cells and frames as wanted.

Run as a program, with the load as JSON, the CPU, the socket's path and the descriptors of the buses; see
:class:`PlantUnderLoad`.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from hil.bench.realtime.local import LocalBus, LocalLink
from hil.bench.realtime.process import Load, Machine, Process, descriptors, ended, hear, start
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import HilError
from hil.frames.database import Database
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import spread_phases
from hil.host.connection import Connection
from hil.host.doors import listen_at
from hil.host.real import RealWorld
from hil.host.safe_log import SafeLog
from hil.host.server import PlantServer
from hil.host.watched import WatchedMedium
from hil.realtime.clock import RealClock
from hil.realtime.rights import Wanted, rights
from hil.rig.load import load_rig
from hil.rig.schema import BusConfig, HostConfig, RigConfig
from hil.rig.wire import Wire

FIRST_ID = 0x200
REQUEST, REQUEST_CYCLE_NS = "VCU_Request", 10 * NS_PER_MS
_FAMILY = "CM_Voltages_"
_PER_MESSAGE = 4  # cells
_LEASE_NS = 3600 * NS_PER_S

Slots = Mapping[int, tuple[int, int]]  # by identifier: first slot on CLOCK_MONOTONIC, cycle, in ns


def rig_under(load: Load) -> RigConfig:
    """The laptop rig with other cells and other frames in the place of its cell monitor's."""
    rig = load_rig("laptop")
    first, *_ = rig.buses
    others = [wire for wire in rig.wires if not wire.message.startswith(_FAMILY)]
    buses, wires = {}, others
    for number in range(load.buses):
        name = first if number == 0 else f"bus{number}"
        database = _database(rig.buses[first].database, load, whole=number == 0)
        buses[name] = BusConfig(name, "local", rig.buses[first].bitrate, (), database)
        wires = wires + list(_wires(name, load))
    pack = replace(rig.plant.pack, series=load.cells)
    plant = replace(rig.plant, pack=pack, step_ns=load.step_ns)
    host = HostConfig(lease_ns=_LEASE_NS)
    bms = replace(rig.bms, heard_ns=0)  # in most measurements nobody plays it
    rig = replace(rig, name="bench", time="real", bms=bms, host=host)
    return replace(rig, plant=plant, buses=buses, wires=tuple(wires))


def _database(laptop: Database, load: Load, *, whole: bool) -> Database:
    """The laptop's messages, on a further bus only those of the BMS, and the cells'."""
    pattern = laptop.messages[f"{_FAMILY}01"]
    kept = {
        name: message
        for name, message in laptop.messages.items()
        if not name.startswith(_FAMILY) and (whole or "BMS" in message.senders)
    }
    used = {message.key for message in kept.values()}
    free = (identifier for identifier in range(FIRST_ID, 0x800) if identifier not in used)
    messages = {
        name: replace(pattern, name=name, id=next(free), cycle_ns=load.cycle_ns, offset_ns=None)
        for name in _names(load)
    } | kept
    if whole:
        messages[REQUEST] = replace(kept[REQUEST], cycle_ns=REQUEST_CYCLE_NS)
    return Database(messages, laptop.sha256, {message.key: message for message in messages.values()})


def _names(load: Load) -> list[str]:
    return [f"{_FAMILY}{number:03}" for number in range(load.messages)]


def _wires(bus: str, load: Load) -> Iterator[Wire]:
    for number, name in enumerate(_names(load)):
        for place in range(_PER_MESSAGE):
            cell = (_PER_MESSAGE * number + place) % load.cells + 1
            yield Wire(f"cell_monitor.voltage[{cell}]", bus, name, f"Cell{place + 1:03}", "out")


class NoBms:
    """Nobody is there; what a BMS would send comes from the other end of the bus."""

    def power_on(self, *, cold: bool) -> None:
        """There is nothing to switch on."""

    def attach(self, medium: Medium) -> None:
        """It is on no bus."""

    def power_off(self) -> None:
        """There is nothing to switch off."""

    def supply(self, on: bool) -> None:
        """It has none."""


class ToldRestbus(PunctualRestbus):
    """Says when it began to send, and in which phases, so that lateness can be told from outside."""

    def start(self, at_ns: int) -> None:
        """Begin to send."""
        super().start(at_ns)
        zero_ns = getattr(self._clock, "zero_ns", 0)
        phases = spread_phases([entry.message for entry in self.entries.values()])
        slots = {
            entry.message.id: [phases[name], entry.message.cycle_ns]
            for name, entry in self.entries.items()
            if name.startswith(_FAMILY)
        }
        _say({"start_ns": zero_ns + at_ns, "slots": slots})


class BenchWorld(RealWorld):
    """A plant whose cells' share of the time is measured."""

    restbus = ToldRestbus


def _timed(call: Callable[[float, float], float], spent: list[int]) -> Callable[[float, float], float]:
    now = time.perf_counter_ns

    def timed(current_A: float, dt_s: float) -> float:  # noqa: N803 - the unit's case
        begun = now()
        result = call(current_A, dt_s)
        spent[0] += now() - begun
        spent[1] += 1
        return result

    return timed


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Serve until the client has gone."""
    load, cpu, path = Load(**json.loads(arguments[0])), int(arguments[1]), Path(arguments[2])
    ends = [socket.socket(fileno=int(number)) for number in arguments[3:]]
    clock = RealClock()
    rig = rig_under(load)
    media = {
        name: WatchedMedium(clock, LocalLink(name, LocalBus(near, far), rig.buses[name].bitrate))
        for name, near, far in zip(rig.buses, ends[::2], ends[1::2], strict=True)
    }
    spent = [0, 0]
    world = BenchWorld(rig, clock, media, NoBms(), lambda error, _fatal: _complain(error))
    world.plant.pack.advance = _timed(world.plant.pack.advance, spent)  # type: ignore[assignment, method-assign]
    with rights(Wanted(cpu=cpu if cpu >= 0 else None)) as granted:
        server = PlantServer(world, [listen_at(path)], SafeLog(path.with_suffix(".log"), "plant"), once=True)
        _say({"granted": granted.granted})
        server.run()
    _say({"cells_ns": spent[0], "cells_calls": spent[1]})
    return 0


def _complain(error: HilError) -> None:
    sys.stderr.write(f"hil bench: {error}\n")


class PlantUnderLoad:
    """Such a process and a client of it.

    Args:
        load: What it has to do.
        machine: Where.
        buses: Its buses.
        frames: Whether the client is sent all frames, as a test is.
        lease: Whether the client holds the lease; else it looks on.

    Attributes:
        address: Of the plant's socket.
        connection: The client.
    """

    def __init__(
        self,
        load: Load,
        machine: Machine,
        buses: Sequence[LocalBus],
        *,
        frames: bool = False,
        lease: bool = True,
    ) -> None:
        self._load = load
        self._stack = ExitStack()
        try:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hil-bench-"))
            self.address = str(Path(folder) / "plant.sock")
            self._process = self._start(machine, buses)
            if "real-time priority" not in hear(self._process)["granted"]:
                machine.say("no real-time priority is granted here: rig and bare loop are normal programs")
            self.connection = Connection(self.address, "bench", frames=frames)
            self._stack.callback(self.connection.close)
            if lease:
                self.connection.call("lease")
        except BaseException:
            self._stack.close()
            raise

    def _start(self, machine: Machine, buses: Sequence[LocalBus]) -> Process:
        cpu = -1 if machine.cpu is None else machine.cpu
        numbers = descriptors(buses)
        process = start("plant", json.dumps(asdict(self._load)), cpu, self.address, *numbers, inherit=buses)
        return self._stack.enter_context(ended(process))

    def begin(self) -> Slots:
        """Let it begin to send; where the slots are, on the first of its buses."""
        self.connection.call("renew", seed=1)
        self.connection.call("power_on", cold=True)
        return self.slots()

    def slots(self) -> Slots:
        """Where the slots are on the first of its buses, once it has begun to send."""
        told, *_ = [hear(self._process) for _ in range(self._load.buses)]
        return {int(key): (told["start_ns"] + phase, cycle) for key, (phase, cycle) in told["slots"].items()}

    def health(self) -> dict[str, Any]:
        """How it does, since it began."""
        health: dict[str, Any] = self.connection.call("health")["health"]
        return health

    def pause(self) -> None:
        """Let it send nothing."""
        self.connection.call("stop")

    def end(self) -> dict[str, Any]:
        """Let it end; what its cells took."""
        self.connection.call("bye")
        told: dict[str, Any] = hear(self._process)
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
