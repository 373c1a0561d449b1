"""The guard: a small process that outlives a plant that crashed, and asks the BMS for the safe state.

It waits at a pipe. A plant that ends in order says so; if the pipe just breaks, the guard opens the buses
itself and sends the requests of the safe state, with right counters and checksums, for two seconds. Then it
switches the outputs of the safe state, buses or not, and ends. It is a session of its own, so that what kills
the plant and its group does not reach it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from hil.bus.frame import Frame
from hil.bus.link import open_link
from hil.clock import NS_PER_S
from hil.errors import HilError
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry, Source
from hil.host.doors import runtime_folder
from hil.host.locks import BusLocks
from hil.host.outputs import switch_outputs
from hil.host.real import SafeState
from hil.host.safe_log import SafeLog
from hil.host.watched import WatchedMedium
from hil.realtime.clock import RealClock
from hil.realtime.sleep import sleep_until
from hil.responses.signals import Signals
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

SEND_NS = 2 * NS_PER_S
_LOCK_NS = NS_PER_S  # the dead plant's locks are free at once, unless a new plant has them
_GOODBYE = b"bye\n"
_SHORT_LIFE_NS = 30 * NS_PER_S  # to start may take seconds where much else runs
_TRIES = 3


class Guard:
    """The plant's hold on its guard.

    Args:
        rig: The rig file, as the guard shall read it.
        log: The log of safe states.
        output: Where the guard complains; ``None``: where the plant does.
        now: CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        rig: Path,
        log: Path,
        output: IO[bytes] | None = None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._rig, self._log, self._output, self._now = rig, log, output, now
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._born_ns = 0
        self._short_lives = 0  # one after the other
        self._descriptor = -1

    @property
    def pid(self) -> int | None:
        """Of the guard."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it; it needs a second or so until it is of use."""
        reading, self._pipe = os.pipe()
        command = [sys.executable, "-P", "-m", __name__, str(self._rig), str(self._log), str(reading)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._output,
                pass_fds=[reading],
                start_new_session=True,
            )
        finally:
            os.close(reading)
        self._born_ns = self._now()

    def watch(self, clock: RealClock) -> None:
        """Let a guard that dies be replaced; one that cannot live is given up after some tries."""
        if self._process is None or not hasattr(os, "pidfd_open"):
            return
        self._descriptor = os.pidfd_open(self._process.pid)
        clock.watch(self._descriptor, lambda: self._replace(clock))

    def _replace(self, clock: RealClock) -> None:
        clock.forget(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        process, self._process = self._process, None
        code = process.wait() if process is not None else 0
        os.close(self._pipe)
        SafeLog(self._log, "plant").note("guard died", code=code)
        is_short = self._now() - self._born_ns < _SHORT_LIFE_NS
        self._short_lives = self._short_lives + 1 if is_short else 0
        if self._short_lives < _TRIES:
            self.start()
            self.watch(clock)
        else:
            self._give_up(code)

    def _give_up(self, code: int) -> None:
        SafeLog(self._log, "plant").note("guard given up", code=code, tries=_TRIES)
        with suppress(OSError, ValueError):  # nobody may listen any more
            sys.stderr.write(
                f"hil plant: the guard has ended {_TRIES} times within seconds, with code {code} at last; "
                "it is given up: if this process dies, nobody asks for the safe state; start it anew\n"
            )
            sys.stderr.flush()

    def dismiss(self) -> None:
        """The plant ends in order: so does the guard."""
        if self._process is None:
            return
        with suppress(OSError):
            os.write(self._pipe, _GOODBYE)
        os.close(self._pipe)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def stand_guard(rig: RigConfig, log: SafeLog, pipe: int) -> None:
    """Wait for the plant's end; act if that was none in order."""
    heard = b""
    while more := os.read(pipe, 64):
        heard += more
    if heard.endswith(_GOODBYE):
        return
    reason = "the plant process died"
    log.entered(reason)
    try:
        safe, t_ns = _ask(rig)
    except Exception as error:
        log.note("not reached", reason=f"{reason}; {error}", outputs=_switch(rig))
    else:
        log.reached(reason, t_ns, replace(safe, outputs=_switch(rig)))


def _ask(rig: RigConfig) -> tuple[SafeState, int]:
    """Ask the BMS for the safe state, on buses that are nobody else's by now."""
    try:
        locks = BusLocks(runtime_folder(), rig.buses.values())
    except (HilError, OSError):  # the folder of locks has gone with the session, and so have the locks
        return _send_requests(rig)
    try:
        locks.take(time.monotonic_ns(), _LOCK_NS)
        return _send_requests(rig)
    finally:
        locks.release()


def _switch(rig: RigConfig) -> dict[str, str]:
    return switch_outputs(rig.safe_state.outputs, lambda span_ns: sleep_until(time.monotonic_ns() + span_ns))


def _send_requests(rig: RigConfig) -> tuple[SafeState, int]:
    """Send the messages that carry the requests of the safe state, and nothing else."""
    clock = RealClock()
    places: list[_Place] = []
    lost: HilError | None = None
    for name in sorted({role.bus for role in rig.asked.values()}):
        try:
            places.append(_Place(rig, name, clock))
        except HilError as error:  # which keeps no request off another bus
            lost = error
    if lost is not None and not places:
        raise lost
    try:
        for place in places:
            place.restbus.start(clock.now_ns)
        clock.run_until(SEND_NS)
    finally:
        for place in places:
            place.medium.close()
    said: dict[str, str] = {}
    sent: dict[str, int | None] = dict.fromkeys(_on_the_bus(rig))
    for place in places:
        said |= place.said()
        sent |= place.sent_ns
    texts = {name: f"{name} = {rig.requests[name].name_of(value)}" for name, value in _wanted(rig).items()}
    return SafeState(texts, sent, said.pop("state", ""), said), clock.now_ns


def _wanted(rig: RigConfig) -> dict[str, float]:
    return rig.safe_state.requests


def _sent(rig: RigConfig) -> dict[str, float]:
    """What is sent for that; of steps all that they lead to at once, for nothing else is left to wait for."""
    sent: dict[str, float] = {}
    for request, value in _wanted(rig).items():
        manner = rig.manner(request)
        if value in manner.steps or not manner.owns_signal:
            sent |= manner.leaves(value)
        else:
            sent[request] = value
    return sent


def _on_the_bus(rig: RigConfig) -> list[str]:
    """Those of the safe state's requests whose message is sent: one that only asks may have to be silent."""
    wanted = rig.wanted(_sent(rig))
    return [name for name in _wanted(rig) if wanted.get(rig.requests[name].message, True)]


class _Place:
    """The guard's place on one bus."""

    def __init__(self, rig: RigConfig, name: str, clock: RealClock) -> None:
        self._rig, self._name = rig, name
        bus = rig.buses[name]
        link = open_link(name, bus.interface, bus.channel, bus.bitrate, **bus.link_options)
        self.medium = WatchedMedium(clock, link)
        self._signals = Signals(bus.database, frozenset((rig.bms.node,)))
        node = self.medium.attach("guard", on_frame=self._signals.on_frame)
        node.on_sent = self._on_sent
        self.sent_ns: dict[str, int | None] = {
            request: None for request in _on_the_bus(rig) if rig.requests[request].bus == name
        }
        self.restbus = PunctualRestbus(clock, node.send, self._entries())

    def _entries(self) -> list[Entry]:
        """The messages with requests: those of the safe state as wanted, all others at rest."""
        sources: dict[str, dict[str, Source]] = {}
        values = _sent(self._rig)
        wanted = self._rig.wanted(values)
        for request, role in self._rig.asked.items():
            if role.bus == self._name and wanted.get(role.message, True):
                value = values.get(request, role.default)
                sources.setdefault(role.message, {})[role.signal] = Source.constant(value)
        database = self._rig.buses[self._name].database
        return [Entry(database.messages[message], found) for message, found in sources.items()]

    def _on_sent(self, frame: Frame) -> None:
        for request in self.sent_ns:
            message = self._rig.buses[self._name].database.messages[self._rig.requests[request].message]
            if message.key == frame.key and self.sent_ns[request] is None:
                self.sent_ns[request] = frame.t_ns

    def said(self) -> dict[str, str]:
        """State and contactors, as the BMS says them in the end."""
        found = {}
        for name, role in self._rig.roles.items():
            if role.bus != self._name or not (name == "state" or name.startswith("contactor.")):
                continue
            reception = self._signals.receptions.get(role.message)
            if reception is not None and reception.samples:
                last = reception.last(role.reading.of, role.frames_of(reception.message))
                found[name] = "" if last is None else role.name_of(last[1])
        return found


def main(arguments: list[str]) -> int:
    """The guard's own process: rig file, log, number of the pipe."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    rig, log, pipe = arguments
    stand_guard(load_rig(rig), SafeLog(Path(log), "guard"), int(pipe))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
