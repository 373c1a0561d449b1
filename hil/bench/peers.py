"""The cell core beside open peers: the same pack and the same current, microseconds per cell and step.

The pack is that of liionpack's own comparison, 16 cells in parallel and two such groups in series; steps of
1 s, a current that changes every 10 s. thevenin and PyBaMM know single cells: their step of one cell counts.
All run on one processor, and its time is what counts, so that a busy machine is the same to all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from hil.bench import Figure
from hil.bench import peer_runs as runs
from twins.cell import parameters
from twins.pack import Pack, PackConfig

HINT: Final = "pip install 'bms-hil[peers]'"
GOALS: Final[dict[str, float | None]] = {"liionpack": 10_000.0, "thevenin": 1_000.0, "pybamm": None}
_WHAT: Final = {
    "liionpack": "the same pack, its own cell model (SPM)",
    "thevenin": "the same cell",
    "pybamm": "its Thevenin model, two RC pairs",
}
_TIMEOUT_S: Final = 900.0
_ROUNDS, _STEPS = 40, 2400


def run(say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure the core, as an equivalent circuit like the peers', then each peer.

    A peer that is not there, or does not run, is said in one line.
    """
    with TemporaryDirectory() as folder:
        plain = _equivalent_circuit(Path(folder) / "plain.toml")
        own_us = _core(str(plain))
    where = "16 in parallel, 2 in series"
    yield Figure(f"peers: cell core, equivalent circuit, {where}", 1e3 * own_us, "ns/cell-step", "", None)
    yield Figure(
        f"peers: cell core, with all else, {where}", 1e3 * _core(runs.CELL), "ns/cell-step", "", None
    )
    for name, goal in GOALS.items():
        found = _peer(name)
        if isinstance(found, str):
            say(f"{name}: {found}")
            continue
        label = f"{name} {found['version']}"
        yield Figure(f"peers: {label}, {_WHAT[name]}", found["us"], "us/cell-step", "", None)
        if "voltage" in found:
            yield Figure(
                f"peers: {label} and core differ by", _difference_mv(found["voltage"]), "mV rms", "", None
            )
        ratio = found["us"] / own_us
        words = "" if goal is None else f">= {goal:g}"
        yield Figure(f"peers: {label} over core", ratio, "x", words, None if goal is None else ratio >= goal)


def _equivalent_circuit(path: Path) -> Path:
    """The cell without what no peer computes here: inner heat, ageing, losses at rest, decomposition."""
    text = (files("twins") / "cell" / "parameters" / f"{runs.CELL}.toml").read_text("utf-8")
    head, *sections = text.split("\n[")
    kept = [section for section in sections if section.partition("]")[0] not in parameters.OPTIONAL]
    path.write_text("\n[".join([head, *kept]), "utf-8")
    return path


def _core(cell: str) -> float:
    """Microseconds per cell and step, the best of several rounds."""
    pack = Pack(PackConfig(cell, runs.SERIES, parallel=runs.PARALLEL, soc=runs.START_SOC))
    steps = runs.currents(_STEPS, pack.capacity_Ah)[:: runs.HOLD]
    best = float("inf")
    for _ in range(_ROUNDS):
        pack.reset()
        begun = time.process_time()
        for current in steps:
            pack.advance(current, runs.STEP_S, runs.HOLD)
        best = min(best, time.process_time() - begun)
    return 1e6 * best / (_STEPS * pack.cells)


def _difference_mv(voltage: list[float]) -> float:
    """Between a peer's voltage after each step, current still flowing, and the core's."""
    pack = Pack(PackConfig(runs.CELL, 1, soc=runs.START_SOC))
    current = runs.currents(len(voltage), pack.capacity_Ah)
    own = [pack.advance(amperes, runs.STEP_S) for amperes in current]
    return float(1e3 * np.sqrt(np.mean((np.array(own) - np.array(voltage)) ** 2)))


def _peer(name: str) -> dict[str, Any] | str:
    """What a peer reached, or why it could not be measured, in one line."""
    if find_spec(name) is None:
        return f"is not installed: {HINT}"
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "hil.bench.peer_runs", name]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env={**os.environ, **one},
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"has not ended within {_TIMEOUT_S:g} s"
    if done.returncode != 0:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
        return f"does not run here: {last[0][:160] if last else f'exit code {done.returncode}'}"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
