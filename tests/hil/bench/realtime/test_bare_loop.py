"""The bare loop in C does the work that it is compared with: what it sends, judged by what came."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("real time is measured on Linux", allow_module_level=True)

from hil.bench.realtime.local import FRAME_BYTES, LocalBus, local_bus
from hil.bench.realtime.process import Load, Machine, built, ended, hear, start_bare
from hil.frames.profiles import crc8

LOAD = Load(messages=4, cycle_ns=20_000_000, cells=1000, step_ns=1_000_000)
SECONDS = 0.2


@pytest.fixture(scope="module")
def bare() -> Iterator[Path]:
    said: list[str] = []
    with built(said.append) as program:
        if program is None:
            pytest.skip(f"{said}")
        yield program


def _run(bare: Path, **options: Any) -> tuple[dict[str, int], list[bytes]]:
    with local_bus() as bus, ended(start_bare(Machine(bare), LOAD, [bus], SECONDS, **options)) as process:
        return hear(process), _all(bus)


def _all(bus: LocalBus) -> list[bytes]:
    found = []
    try:
        while True:
            found.append(bus.far.recv(FRAME_BYTES))
    except BlockingIOError:
        return found


def test_it_sends_all_messages_in_turn_with_counter_and_checksum(bare: Path) -> None:
    told, frames = _run(bare)
    # a slot that came too late on a busy machine is left out, and said
    assert (told["sent"], told["sent"] + told["missed_frames"]) == (len(frames), 40)
    assert {int.from_bytes(frame[:4], "little") for frame in frames} == {0x200, 0x201, 0x202, 0x203}
    assert all(frame[8] == crc8(frame[9:16]) for frame in frames)
    if told["missed_frames"] == 0:
        assert [frame[9] for frame in frames] == [n for n in range(10) for _ in range(4)]


def test_with_cells_it_steps_them_and_sends_their_voltages(bare: Path) -> None:
    told, frames = _run(bare, cells=True)
    assert told["steps"] + told["missed_steps"] == pytest.approx(200, abs=2)
    assert told["cells_ns"] > 0
    volts = [int.from_bytes(frame[10:12], "little") / 1e3 for frame in frames[4:]]
    assert all(2.5 < voltage < 3.3 for voltage in volts)  # 3.2 V less what 100 A cost
