"""From recordings to what the fit takes: slow branches over SOC, and dynamic traces at even times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hil.errors import UsageError
from hil.fit.columns import Array
from hil.fit.recording import Recording
from twins.cell.fit import ALIKE_K, FINE, Slow, Trace

_SLOW_H: Final = 12.0  # a test whose current would need longer from full to empty is slow
_SLOW_SPAN_K: Final = 5.0  # what is farther from a slow test's temperature is not on its branch
_FULL_AGAIN: Final = 0.8  # part of the discharge that the way back must have to be a branch
_FINEST_S, _COARSEST_S = 0.5, 5.0
_BEYOND: Final = 0.05  # SOC may count so far beyond full and empty


@dataclass(frozen=True)
class CellTests:
    """All tests of one cell, by kind."""

    slow: tuple[Slow, ...]
    dynamic: tuple[Trace, ...]
    told: tuple[str, ...]  # what each file was taken for


def assemble(recordings: Sequence[Recording]) -> CellTests:
    """Slow tests first: they give capacity and OCV to the others.

    Raises:
        UsageError: A test is missing, or one does not fit the others.
    """
    names = Counter(one.name for one in recordings)
    recordings = [one if names[one.name] == 1 else replace(one, name=str(one.path)) for one in recordings]
    slow_ones = [one for one in recordings if is_slow(one)]
    slow = _one_for_each_temperature([_slow(one) for one in slow_ones])
    if not slow:
        raise UsageError(
            "there is no slow test among the files",
            key="DATA.csv",
            remedy="one from full to empty and back at C/20 or less gives capacity and OCV; "
            "'# test: slow' in a file that is faster",
        )
    others = [one for one in recordings if not is_slow(one)]
    if not others:
        raise UsageError(
            "there is no dynamic test among the files",
            key="DATA.csv",
            remedy="one with changing currents gives the resistances; "
            "'# test: dynamic' in a file taken as slow",
        )
    dynamic = tuple(_trace(one, slow) for one in others)
    told = [_told_slow(one, test) for one, test in zip(slow_ones, [_slow(o) for o in slow_ones], strict=True)]
    told += [_told_dynamic(one, trace) for one, trace in zip(others, dynamic, strict=True)]
    return CellTests(slow, dynamic, tuple(told))


def is_slow(recording: Recording) -> bool:
    """As the file says, else by its current over the charge that it moves."""
    if recording.test is not None:
        return recording.test == "slow"
    largest = float(np.quantile(np.abs(recording.current), 0.99))
    return bool(largest * _SLOW_H < np.ptp(recording.net_Ah))


def _slow(recording: Recording) -> Slow:
    """Its branches, each from the charge of its own way: what goes in is not what comes out."""
    net = recording.net_Ah
    turn = int(np.argmax(np.abs(net)))
    falling = bool(net[turn] > 0.0)
    if not falling and recording.start_soc == 1.0:
        raise UsageError("begins full but charges first", place=str(recording.path), key="start")
    first, rest = net[: turn + 1], net[turn:] - net[turn]
    branches: dict[bool, Array | None] = {True: None, False: None}
    capacity = {falling: abs(float(net[turn]))}
    branches[falling] = _branch(recording, slice(0, turn + 1), np.abs(first) / capacity[falling], falling)
    back = float(np.abs(rest).max(initial=0.0))
    if back > _FULL_AGAIN * capacity[falling]:
        last = turn + int(np.argmax(np.abs(rest)))
        way = np.abs(rest[: last - turn + 1]) / back
        branches[not falling] = _branch(recording, slice(turn, last + 1), way, not falling)
        capacity[not falling] = back
    taken = recording.capacity_Ah or capacity.get(True, capacity[falling])
    flowing = np.abs(recording.current[recording.current != 0.0])
    return Slow(
        recording.name,
        round(recording.mean_degC, 1),
        taken,
        float(np.median(flowing)),
        branches[True],
        branches[False],
    )


def _branch(recording: Recording, rows: slice, way: Array, falling: bool) -> Array:
    """Voltage on the fine grid of SOC; `way` is the part of the charge moved so far."""
    current, celsius = recording.current[rows], recording.temperature_degC[rows]
    flows = current > 0.0 if falling else current < 0.0
    on_it = flows & (np.abs(celsius - recording.mean_degC) < _SLOW_SPAN_K)
    if np.count_nonzero(on_it) < 20:
        raise UsageError(
            "has too few rows with current at its temperature",
            place=str(recording.path),
            remedy="at least 20 on the way between full and empty; better some hundred",
        )
    soc, voltage = (1.0 - way if falling else way)[on_it], recording.voltage[rows][on_it]
    order = np.argsort(soc, kind="stable")
    return np.interp(FINE, soc[order], voltage[order])


def _one_for_each_temperature(slow: Sequence[Slow]) -> tuple[Slow, ...]:
    """Tests of one temperature become one: discharge and charge may stand in two files."""
    merged: list[Slow] = []
    for one in sorted(slow, key=lambda test: test.temperature_degC):
        last = merged[-1] if merged else None
        if last is None or one.temperature_degC - last.temperature_degC > ALIKE_K:
            merged.append(one)
            continue
        merged[-1] = Slow(
            f"{last.name}, {one.name}",
            last.temperature_degC,
            one.capacity_Ah if last.discharge is None else last.capacity_Ah,
            last.current_A,
            last.discharge if last.discharge is not None else one.discharge,
            last.charge if last.charge is not None else one.charge,
        )
    return tuple(merged)


def nearest(slow: Sequence[Slow], temperature_degC: float) -> Slow:
    """The slow test nearest to a temperature."""
    return min(slow, key=lambda one: abs(one.temperature_degC - temperature_degC))


def _trace(recording: Recording, slow: Sequence[Slow]) -> Trace:
    near = nearest(slow, recording.mean_degC)
    capacity = recording.capacity_Ah or near.capacity_Ah
    start = _start(recording, near)
    arriving = recording.efficiency if recording.efficiency is not None else 1.0
    soc = start - (recording.taken_Ah - arriving * recording.put_Ah) / capacity
    _check_soc(recording, soc, start, capacity)
    steps = np.diff(recording.time_s)
    usual = float(np.median(steps))
    if usual > _COARSEST_S:
        raise UsageError(
            f"rows are {usual:.3g} s apart",
            place=str(recording.path),
            key="time",
            remedy=f"a dynamic test needs {_COARSEST_S:g} s or less, best 1 s",
        )
    dt = max(usual, _FINEST_S)
    even = bool(np.all(np.abs(steps - dt) < 0.01 * dt))
    at = recording.time_s if even else np.arange(0.0, recording.time_s[-1], dt)

    def sampled(values: Array) -> Array:
        return values if even else np.interp(at, recording.time_s, values)

    low, high = recording.soc_range
    counted = sampled(soc)
    return Trace(
        name=recording.name,
        dt_s=dt,
        capacity_Ah=capacity,
        start_h=1.0 if start > 0.99 else -1.0 if start < 0.01 else 0.0,
        voltage=sampled(recording.voltage),
        current=sampled(recording.current),
        soc=counted,
        temperature_degC=sampled(recording.temperature_degC),
        used=(counted > low) & (counted < high) & _measured(recording, at),
        only_resistance=recording.test == "resistance",
    )


def _measured(recording: Recording, at: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether instants lie where rows are, not in a gap."""
    real = np.ones(at.size, np.bool_)
    for row in recording.gaps:
        real &= (at <= recording.time_s[row - 1]) | (at >= recording.time_s[row])
    return real


def _start(recording: Recording, near: Slow) -> float:
    """As the file says, else full; then its first voltage must not deny it."""
    if recording.start_soc is not None:
        return recording.start_soc
    least = float(np.interp(0.9, FINE, near.middle)) - 0.02
    if recording.voltage[0] < least:
        raise UsageError(
            f"does not say what it begins with, and {recording.voltage[0]:.4g} V is not a full cell",
            place=str(recording.path),
            remedy="write above the header '# start: full', '# start: empty' or such as '# start: 60 %'",
        )
    return 1.0


def _check_soc(recording: Recording, soc: Array, start: float, capacity: float) -> None:
    for reached, beyond in ((float(soc.min()), -_BEYOND), (float(soc.max()), 1.0 + _BEYOND)):
        if (reached < beyond) if beyond < 0.0 else (reached > beyond):
            raise UsageError(
                f"state of charge counts to {100 * reached:.0f} %, beginning with {100 * start:.0f} % of "
                f"{capacity:.4g} Ah",
                place=str(recording.path),
                remedy="'# start: …', '# capacity: … Ah' or '# charge efficiency: … %' above the header",
            )


def _told_slow(recording: Recording, slow: Slow) -> str:
    there = [
        name for name, way in (("discharge", slow.discharge), ("charge", slow.charge)) if way is not None
    ]
    return (
        f"{recording.name}: slow, {' and '.join(there)}, {slow.capacity_Ah:.4g} Ah, "
        f"{slow.temperature_degC:g} degC{_notes(recording)}"
    )


def _told_dynamic(recording: Recording, trace: Trace) -> str:
    soc = 100.0 * trace.soc
    return (
        f"{recording.name}: {recording.test or 'dynamic'}, {trace.mean_degC:.3g} degC, "
        f"{soc.size} samples of {trace.dt_s:g} s, SOC {soc[0]:.0f} % to {soc[-1]:.0f} % of "
        f"{trace.capacity_Ah:.4g} Ah{_notes(recording)}"
    )


def _notes(recording: Recording) -> str:
    notes = [f"{len(recording.gaps)} gaps at rest"] if recording.gaps else []
    notes += [f"{recording.repeated} rows of repeated time left out"] if recording.repeated else []
    return "".join(f"; {note}" for note in notes)
