"""A run in real time: its plant process, started for it or found, and a world of that for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import HilError, RigTroubleError, UsageError
from hil.host.client import RemoteHost
from hil.host.connection import Connection
from hil.host.identity import identity_of
from hil.realtime.health import Health
from hil.realtime.rights import tidy
from hil.realtime.sleep import sleep_until
from hil.rig.schema import RigConfig
from hil.run.command import HIL

if TYPE_CHECKING:
    from hil.responses.trace import TraceWriter

LOG_NAME = "plant.log"
_READY_NS = 60 * NS_PER_S
_LOOK_NS = 20 * NS_PER_MS
_END_S = 15.0
_LINES = 3


class PlantProcess:
    """A plant that was started for this run alone.

    Args:
        config: The rig file.
        out: Folder of its logs; ``None``: they are not kept.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, config: RigConfig, out: Path | None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hil-plant-"))
        self.address = str(self._folder / "plant.sock")
        self._log = (out or self._folder) / LOG_NAME
        options = ["--socket", self.address, "--out", str((out or self._folder).absolute())]
        options += ["--once", "--parent", str(os.getpid())]
        if config.host.real_time:
            options.append("--rt")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*HIL, "plant", str(config.path), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which end the plant in order
            )

    def connect(self, name: str) -> Connection:
        """Wait until it listens.

        Raises:
            RigTroubleError: If it ends instead, or does not come that far.
        """
        end_ns = time.monotonic_ns() + _READY_NS
        while True:
            try:
                return Connection(self.address, name)
            except RigTroubleError:
                if self._process.poll() is not None:
                    raise self.trouble() from None
                if time.monotonic_ns() > end_ns:
                    raise self._not_ready() from None
            sleep_until(time.monotonic_ns() + _LOOK_NS)

    def _not_ready(self) -> RigTroubleError:
        reason = f"the plant process does not listen after {_READY_NS / NS_PER_S:g} s"
        return RigTroubleError(reason, place=str(self._log), remedy="is this computer too busy?")

    def trouble(self) -> RigTroubleError:
        """What its last words are."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.removeprefix("hil: ") for line in lines if line.startswith("hil: ")] or lines[-_LINES:]
        return RigTroubleError(" | ".join(said) or f"the plant process ended with {self._process.poll()}")

    def close(self, *, at_once: bool = False) -> None:
        """Wait for its end, and help if it does not come, or if it knows of no reason to end."""
        if at_once:
            self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class RealHosts:
    """Worlds of a plant process.

    Args:
        config: The rig file.
        out: Folder of the run.
        address: Of a plant that runs; empty: one is started for this run.

    Attributes:
        facts: What the plant says of itself.

    Raises:
        RigTroubleError: If there is no such plant, or it cannot be started.
        UsageError: If it is the plant of another rig, or somebody else holds it.
    """

    def __init__(self, config: RigConfig, out: Path | None, address: str = "") -> None:
        self._config = config
        self._host: RemoteHost | None = None
        self._process = None if address else PlantProcess(config, out)
        name = f"hil run (process {os.getpid()})"
        try:
            if self._process is not None:
                self._connection = self._process.connect(name)
            else:
                self._connection = Connection(address, name, token=os.environ.get("HIL_TOKEN", ""))
            self._check()
            self._connection.call("lease")
        except BaseException:
            self.close()
            raise
        self.facts: Mapping[str, Any] = self._connection.about

    def _check(self) -> None:
        about = self._connection.about
        if about["identity"] != identity_of(self._config):
            raise UsageError(
                f"the plant there runs another rig: {about['rig']['path']}",
                place=self._connection.address,
                remedy="start it anew with this rig file",
            )

    def trace_to(self, trace: TraceWriter) -> None:
        """Write all frames from now on; they come in the order of their stamps."""
        self._connection.taps.append(lambda bus, frame: trace.write(frame, bus))

    def begin_ns(self, ended_ns: int) -> int:
        """Now."""
        return max(ended_ns, self._connection.now_ns)

    def open(self, seed: int, begun_ns: int, lead_ns: int) -> RemoteHost:  # noqa: ARG002 - by chance here
        """A fresh world."""
        tidy()  # a collection takes a tenth of a second, in which a test would miss its moment
        self._connection.call("lease")  # an earlier test may have lost it
        self._host = RemoteHost(self._config, self._connection, seed)
        return self._host

    def health(self) -> Health | None:
        """How the rig was during the last test."""
        return None if self._host is None else self._host.health

    def safe(self) -> str:
        """How the way to the safe state went after it."""
        return "" if self._host is None else self._host.safe

    def close(self) -> None:
        """Leave the plant; one of this run's own ends."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            try:
                connection.call("bye")
            except HilError:
                pass  # it has gone already, which the run has told
            finally:
                connection.close()
        if self._process is not None:
            self._process.close(at_once=connection is None)
