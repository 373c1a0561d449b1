"""Clients of a plant: from a request to the reaction through its socket; a test at a breakpoint."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hil.bench import Figure
from hil.bench.realtime.cyclic import CYCLIC, SETTLE_NS, bare_beside, keeping
from hil.bench.realtime.local import FRAME_BYTES, Sink, collect, local_bus
from hil.bench.realtime.peer import ANSWER, start_peer
from hil.bench.realtime.plant import REQUEST, REQUEST_CYCLE_NS, PlantUnderLoad, rig_under
from hil.bench.realtime.process import Machine, ended, start, start_bare
from hil.clock import NS_PER_MS, NS_PER_S
from hil.frames.restbus import Entry, Source
from hil.host.client import RemoteHost
from hil.host.stimulus import Stimulus
from hil.realtime.sleep import sleep_until
from hil.rig.schema import RigConfig

_ABOVE_NS = NS_PER_MS
_NO_REACTION_NS = NS_PER_S  # waited for no longer; that a request had none until then is a figure, too
_FEWEST = 50
_ROLE = "mode"

Times = NDArray[np.int64]


def reaction(machine: Machine, seconds: float) -> list[Figure]:
    """A client asks, the request goes out in its slot, somebody answers at once, the client sees that."""
    name = f"request to reaction through the host's socket, {machine.name}"
    with machine.load():
        took_ns, slot_ns = _through_host(machine, seconds)
    above_ns = np.percentile(took_ns, 99) - REQUEST_CYCLE_NS
    rest_ns = np.percentile(took_ns - slot_ns, [50, 99])
    figures = [
        Figure(f"{name}: p99 above the cycle", above_ns / 1e6, "ms", "<= 1", bool(above_ns <= _ABOVE_NS)),
        Figure(f"{name}: without the wait for the slot, p50", rest_ns[0] / 1e6, "ms", "", None),
        Figure(f"{name}: without the wait for the slot, p99", rest_ns[1] / 1e6, "ms", "", None),
        _unanswered(f"{name}: unanswered", took_ns, "0"),
    ]
    if machine.bare is not None:
        with machine.load():
            bare_ns = _through_bare(machine, seconds)
        above_ns = np.percentile(bare_ns, 99) - REQUEST_CYCLE_NS
        figures.append(Figure(f"{name}: bare C loop, p99 above the cycle", above_ns / 1e6, "ms", "", None))
        figures.append(_unanswered(f"{name}: bare C loop, unanswered", bare_ns, ""))
    return figures


def _unanswered(name: str, took_ns: Times, goal: str) -> Figure:
    count = int((took_ns >= _NO_REACTION_NS).sum())
    return Figure(name, count, f"of {len(took_ns)}", goal, count == 0 if goal else None)


def breakpoint_of(machine: Machine, seconds: float) -> list[Figure]:
    """A test's process is stopped as a debugger stops it: the plant goes on, and the test after it."""
    name = f"test stopped for {seconds:g} s, {machine.name}"
    with (
        machine.load(),
        local_bus() as bus,
        PlantUnderLoad(CYCLIC, machine, [bus], lease=False) as plant,
        ended(start("client", plant.address)) as client,
    ):
        slots = plant.slots()
        collect([Sink(bus)], SETTLE_NS)
        before = plant.health()["frames"]["missed"]
        os.kill(client.pid, signal.SIGSTOP)
        with bare_beside(machine, seconds) as bare:
            ours, *bares = collect([Sink(bus), *bare.sinks], round(seconds * NS_PER_S))
        missed = plant.health()["frames"]["missed"] - before
        os.kill(client.pid, signal.SIGCONT)
        collect([Sink(bus)], SETTLE_NS)
        goes_on = bool(plant.connection.call("status")["holder"]) and client.poll() is None
    ours = ours[np.isin(ours[:, 0], list(slots))]
    missed = max(missed, keeping(ours, slots).missed)
    figures = [
        Figure(f"{name}: cycles missed on the bus", missed, f"of {len(ours)}", "0", missed == 0),
        Figure(f"{name}: it goes on after that", float(goes_on), "", "1", goes_on),
    ]
    for frames in bares:
        kept = keeping(frames, bare.slots())
        text = f"{name}: bare C loop, cycles missed"
        figures.append(Figure(text, kept.missed, f"of {len(frames)}", "", None))
    return figures


def _through_host(machine: Machine, seconds: float) -> tuple[Times, Times]:
    """How long each reaction took, and how much of that was the wait for the request's slot, in ns."""
    rig = rig_under(CYCLIC)
    with (
        local_bus() as bus,
        PlantUnderLoad(CYCLIC, machine, [bus], frames=True) as plant,
        ended(start_peer(0, [bus])),
    ):
        host = RemoteHost(rig, plant.connection, 1)
        host.power_on()
        plant.slots()
        stimuli: list[Stimulus] = []

        def react(turn: int) -> None:
            found.clear()
            stimuli.append(host.send(_ROLE, float(turn % 2)))
            host.run_until(host.now_ns + _NO_REACTION_NS, found)

        found: list[int] = []
        stop = host.subscribe(next(iter(rig.buses)), ANSWER, lambda frame, _values: found.append(frame.t_ns))
        took = _reactions(react, lambda ns: host.run_until(host.now_ns + ns), seconds)
        stop()
        host.stop()
    return took, np.array([_wait_of(stimulus) for stimulus in stimuli])


def _wait_of(stimulus: Stimulus) -> int:
    """How long a request waited for its slot, in ns; an answer can be here before the request's echo."""
    return (stimulus.on_wire_ns or stimulus.applied_ns) - stimulus.applied_ns


def _through_bare(machine: Machine, seconds: float) -> Times:
    """The same with the bare loop in the place of the host, its client at the other end of a socket."""
    requests = _packed_requests(rig_under(CYCLIC))
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answer = _key(rig_under(CYCLIC), ANSWER)
    with near, far, local_bus() as bus, ended(start_peer(0, [bus])):
        whole_s = 4 * seconds + _FEWEST
        with ended(start_bare(machine, CYCLIC, [bus], whole_s, client=far.fileno())):

            def react(turn: int) -> None:
                _drain(near)
                near.send(requests[turn % 2])
                _wait_for(near, answer)

            took = _reactions(react, lambda ns: sleep_until(time.monotonic_ns() + ns), seconds)
    return took


def _reactions(react: Callable[[int], object], let_pass: Callable[[int], object], seconds: float) -> Times:
    """How long reactions take, at random instants of the request's cycle, for a time; in ns."""
    took: list[int] = []
    draw = random.Random(1)
    end_ns = time.monotonic_ns() + round(seconds * NS_PER_S)
    while time.monotonic_ns() < end_ns or len(took) < _FEWEST:
        let_pass(draw.randrange(REQUEST_CYCLE_NS))
        begun_ns = time.monotonic_ns()
        react(len(took) + 1)
        took.append(time.monotonic_ns() - begun_ns)
    return np.array(took)


def _packed_requests(rig: RigConfig) -> list[bytes]:
    """The request's bytes for both of its values."""
    role = rig.requests[_ROLE]
    message = rig.buses[role.bus].database.messages[REQUEST]
    return [bytes(Entry(message, {role.signal: Source.constant(value)}).pack()) for value in (0.0, 1.0)]


def _key(rig: RigConfig, message: str) -> int:
    return next(bus.database.messages[message].key for bus in rig.buses.values())


def _drain(client: socket.socket) -> None:
    while select.select([client], (), (), 0)[0]:
        client.recv(FRAME_BYTES)


def _wait_for(client: socket.socket, key: int) -> None:
    """Take frames until one with an identifier has come, for a second at most."""
    end_ns = time.monotonic_ns() + _NO_REACTION_NS
    while (left_ns := end_ns - time.monotonic_ns()) > 0:
        if select.select([client], (), (), left_ns / NS_PER_S)[0]:
            data = client.recv(FRAME_BYTES)
            if int.from_bytes(data[:4], "little") == key:
                return
