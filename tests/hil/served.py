"""A plant in a thread, on a bus in memory that the reference BMS is on too: for tests of its clients."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.checks.verdict import BmsFailure
from hil.host.client import RemoteHost
from hil.host.connection import Connection
from hil.host.doors import listen_at, listen_tcp
from hil.host.real import RealWorld
from hil.host.safe_log import SafeLog
from hil.host.server import PlantServer
from hil.host.watched import WatchedMedium
from hil.realtime.clock import RealClock
from hil.realtime.health import Budget, Health
from hil.rig.schema import RigConfig
from tests.hil.paced import EchoLink, PatientBms

TOKEN = "a token"


@contextlib.contextmanager
def unless_late(host: RemoteHost) -> Iterator[None]:
    """What fails while the plant is out of its own budget says nothing, as in any run: it is skipped."""
    try:
        yield
    except (BmsFailure, AssertionError):
        host.stop()
        assert host.health is not None
        skip_if_late(host.health)
        raise


def skip_if_late(health: Health) -> None:
    """A plant in a thread of a busy computer is out of its budget, and that is no failure of it."""
    beyond = health.beyond(Budget())
    if beyond:
        pytest.skip(f"the plant was late, as on a computer with much else to do: {'; '.join(beyond)}")


class Plant:
    """A plant in a thread."""

    def __init__(self, rig: RigConfig, folder: Path, **options: Any) -> None:
        self.rig = rig
        self.path = str(folder / "plant.sock")
        self.log = folder / "safe_state.jsonl"
        self.error: BaseException | None = None
        clock = RealClock()
        self.link = EchoLink(time.monotonic_ns, "pack")
        bms = PatientBms(clock, Firmware(rig.bms.firmware), rig.bms.step_ns, Heartbeat())
        media = {"pack": WatchedMedium(clock, self.link)}
        self.world = RealWorld(rig, clock, media, bms, lambda _error, _fatal: None)
        tcp = listen_tcp("0")
        self.tcp = f"tcp://127.0.0.1:{tcp.getsockname()[1]}"
        doors = [listen_at(Path(self.path)), tcp]
        self.server = PlantServer(self.world, doors, SafeLog(self.log, "plant"), token=TOKEN, **options)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self._opened: list[Connection] = []

    def _run(self) -> None:
        try:
            self.server.run()
        except BaseException as error:
            self.error = error

    def connection(self, name: str = "test", *, lease: bool = True, **options: Any) -> Connection:
        connection = Connection(options.pop("address", self.path), name, **options)
        self._opened.append(connection)
        if lease:
            connection.call("lease")
        return connection

    def host(self) -> RemoteHost:
        return RemoteHost(self.rig, self.connection(), 1)

    def logged(self) -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_for(self, condition: Callable[[], object]) -> None:
        for _ in range(1000):
            if condition():
                return
            self.thread.join(0.02)
        pytest.fail("it never came")

    def end(self) -> None:
        for connection in self._opened:
            connection.close()
        self.server.end("the test ends")
        self.thread.join(20)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
