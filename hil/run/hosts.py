"""Where the worlds of a run come from: this process, in virtual time, or a plant process, in real time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.clock import NS_PER_S
from hil.host.inline import InlineHost
from hil.responses.trace import TraceWriter
from hil.rig.schema import RigConfig

if TYPE_CHECKING:
    from hil.host.contract import Host
    from hil.realtime.health import Health


class Hosts(Protocol):
    """Makes a world for each test of a run."""

    def begin_ns(self, ended_ns: int) -> int:
        """Where on the run's time line the next world begins; the last one ended at ``ended_ns``."""

    def open(self, seed: int, begun_ns: int, lead_ns: int) -> Host:
        """A fresh world, its BMS not yet switched on; it will be so long after the bus begins."""

    def health(self) -> Health | None:
        """How the rig was during the test that has just been stopped; nothing in virtual time."""

    def safe(self) -> str:
        """How the way to the safe state went after that, for the record; nothing in virtual time."""

    def close(self) -> None:
        """There are no more tests."""


class VirtualHosts:
    """Worlds in this process, in lock-step with firmware.

    Args:
        config: The rig file.
        heartbeat: The supervisor's sign of life.
        trace: Where every frame goes, if anywhere.

    Raises:
        FirmwareError: If the firmware cannot be loaded.
    """

    def __init__(self, config: RigConfig, heartbeat: Heartbeat, trace: TraceWriter | None) -> None:
        self._config = config
        self._heartbeat = heartbeat
        self._trace = trace
        beat = heartbeat.view
        beat[0] += 1  # its initialisers run, so this too is a call of foreign code
        try:
            self._firmware = Firmware(config.bms.firmware)
        finally:
            beat[0] += 1

    def begin_ns(self, ended_ns: int) -> int:
        """Whole seconds, so that no test moves another's frames."""
        return -(-ended_ns // NS_PER_S) * NS_PER_S

    def open(self, seed: int, begun_ns: int, lead_ns: int) -> InlineHost:
        """A fresh world."""
        host = InlineHost(self._config, self._firmware, self._heartbeat, self._trace, seed, begun_ns)
        host.lead_ns = lead_ns
        return host

    def health(self) -> None:
        """Virtual time is never late."""

    def safe(self) -> str:
        """A world in virtual time ends with its test."""
        return ""

    def close(self) -> None:
        """Nothing is left of a world."""
