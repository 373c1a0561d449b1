"""How much faster than real time the laptop rig is, with everything that a run does.

Of several short runs the best counts: what one quiet core reaches, for other programs on the machine can
only make a run slower. The rig is one thread that never waits, so on a busy machine the same by CPU time,
told beside it, is nearer to that.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hil.bench import Figure
from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.clock import NS_PER_S
from hil.host.inline import InlineHost
from hil.responses.trace import open_trace
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from hil.run.collector import calm

_SIMULATED_S = 20
_REPEATS = 15


@dataclass(frozen=True)
class _Drive:
    """What one drive took."""

    cpu_s: float
    wall_s: float
    frames: int


def run() -> list[Figure]:
    """Simulated seconds per second while driving: frames encoded, arbitrated, decoded, traced."""
    config = load_rig("laptop")
    undo = calm()  # as in every run
    try:
        with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
            drives = [_drive(config, Path(folder) / str(n)) for n in range(_REPEATS)]
    finally:
        undo()
    cpu_s, wall_s = min(d.cpu_s for d in drives), min(d.wall_s for d in drives)
    frames = drives[0].frames
    speed, rate = _SIMULATED_S / wall_s, frames / _SIMULATED_S
    return [
        Figure("laptop rig, simulated seconds per wall second", speed, "s/s", ">= 100", speed >= 100),
        Figure("laptop rig, simulated seconds per CPU second", _SIMULATED_S / cpu_s, "s/s", "", None),
        Figure("laptop rig, frames on the bus", rate, "frames/s", ">= 300", rate >= 300),
        Figure("laptop rig, wall time per frame", wall_s / frames * 1e6, "us", "", None),
    ]


def _drive(config: RigConfig, out: Path) -> _Drive:
    """Drive with a constant current, after the precharge."""
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
    frames, cpu_s, wall_s = medium.frames, time.process_time(), time.perf_counter()
    host.run_until((3 + _SIMULATED_S) * NS_PER_S)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    count = medium.frames - frames
    host.stop()
    trace.close()
    return _Drive(cpu_s, wall_s, count)
