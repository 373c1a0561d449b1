"""How much faster than real time the laptop rig is, with everything that a run does."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from hil.bench import Figure
from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.clock import NS_PER_S
from hil.host.inline import InlineHost
from hil.responses.trace import open_trace
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

_SIMULATED_S = 60
_REPEATS = 5


def run() -> list[Figure]:
    """Simulated seconds per wall second while driving: frames encoded, arbitrated, decoded, traced."""
    config = load_rig("laptop")
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        timed = [_drive(config, Path(folder) / str(n)) for n in range(_REPEATS)]
    wall_s = min(wall for wall, _ in timed)
    frames = timed[0][1]
    speed = _SIMULATED_S / wall_s
    rate = frames / _SIMULATED_S
    return [
        Figure("laptop rig, simulated seconds per wall second", speed, "s/s", ">= 100", speed >= 100),
        Figure("laptop rig, frames on the bus", rate, "frames/s", ">= 300", rate >= 300),
        Figure("laptop rig, wall time per frame", wall_s / frames * 1e6, "us", "", None),
    ]


def _drive(config: RigConfig, out: Path) -> tuple[float, int]:
    """Wall time of driving for a minute, and the frames of it."""
    out.mkdir()
    trace = open_trace(out / "trace", "blf", list(config.buses))
    host = InlineHost(config, Firmware(config.bms.firmware), Heartbeat(None), trace, 1, 0)
    host.power_on()
    host.run_until(NS_PER_S)
    host.send("mode", config.requests["mode"].value_of("operate"))
    host.run_until(3 * NS_PER_S)
    host.set("drive.enable", 1.0)
    host.set("drive.current_request", 100.0)
    medium = next(iter(host.stations.values())).medium
    frames = medium.frames
    begun = time.perf_counter()
    host.run_until((3 + _SIMULATED_S) * NS_PER_S)
    wall_s = time.perf_counter() - begun
    count = medium.frames - frames
    host.stop()
    trace.close()
    return wall_s, count
