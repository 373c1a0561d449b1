"""From tests to a cell file and what it achieves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from hil.errors import UsageError
from hil.fit.assemble import CellTests, nearest
from hil.fit.judge import Judged, judge
from twins.cell import fit as maths
from twins.cell import parameters
from twins.cell.fit import ALIKE_K, FINE, T_REF, Fit, Slow, Trace
from twins.cell.fit_file import Told, cell_file

BASES: Final = ("winston-lyp-100", "nmc-94", "lead-agm-100")


@dataclass(frozen=True)
class Wish:
    """What the user says besides the tests; None: what the tests tell."""

    title: str
    base: str | None = None
    window_V: tuple[float, float] | None = None
    mass_kg: float | None = None


@dataclass(frozen=True)
class Outcome:
    """A fit and how well its file follows each test."""

    fit: Fit
    path: Path
    told: Told
    judged: tuple[Judged, ...]
    resistances: dict[float, float]  # from one sample to the next, Ohm of the cell, by temperature

    def facts(self) -> dict[str, str]:
        """What was found, in words."""
        shape = self.fit.shape
        steps = ", ".join(
            f"{1e3 * ohm:.3g} mOhm at {celsius:.3g} degC" for celsius, ohm in self.resistances.items()
        )
        return {
            "capacity": f"{self.told.capacity_Ah:.4g} Ah",
            "window": f"{self.told.window_V[0]:.4g} to {self.told.window_V[1]:.4g} V",
            "hysteresis": f"{1e3 * self.fit.hysteresis:.1f} mV half-width, rate {shape.gamma:g}",
            "time constants": f"{shape.tau1_s:g} and {shape.tau2_s:g} s",
            "resistance in a step": steps or "the tests have no steps of current",
            "law of temperature": f"B {shape.arrhenius_K:.0f} K, constant part {shape.constant:.2f}",
            "all else": f"as {self.told.base}, scaled by capacity",
        }


def run(
    tests: CellTests,
    path: Path,
    wish: Wish,
    *,
    leave_out_degC: Sequence[float] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Fit, write the file, judge it by the core on every test.

    Args:
        tests: All of them.
        path: The cell file to write.
        wish: What goes into the file besides.
        leave_out_degC: CellTests of these temperatures are judged but not fitted.
        say: Called with what is being done.

    Raises:
        UsageError: Too few tests are left, or the cell file would be wrong.
    """
    slow, heard = _without(tests, leave_out_degC)
    fitted = tuple(trace for trace in heard if not trace.only_resistance)
    if not fitted:
        raise UsageError("no dynamic test is left to fit", remedy="leave out fewer, or '# test: dynamic'")
    middle = nearest(slow, T_REF)
    base = wish.base or like(middle)
    values = parameters.load(base).entries
    otherwise = float(values["arrhenius"].value), float(values["arrhenius_constant"].value)
    ohm = maths.step_resistances(heard)
    law = maths.law_of_temperature(ohm, otherwise)
    say(f"fitting {sum(int(trace.used.sum()) for trace in fitted)} samples of {len(fitted)} tests …")
    fit = maths.Problem(fitted, slow).best(*law)
    told = _told(wish, base, slow, heard, ohm)
    path.write_text(cell_file(fit, told), "utf-8")
    try:
        parameters.load(path)
    except ValueError as error:
        raise UsageError(
            f"the tests do not give a sound cell: {error}", remedy="look at the slow test near its ends"
        ) from error
    say("judging …")
    names = {trace.name for trace in fitted}
    judged = tuple(judge(path, trace, left_out=trace.name not in names) for trace in tests.dynamic)
    scale = maths.UNIT_AH / middle.capacity_Ah
    return Outcome(fit, path, told, judged, {celsius: scale * value for celsius, value in ohm.items()})


def like(slow: Slow) -> str:
    """The shipped cell whose voltage at half charge is nearest."""
    half = float(np.interp(0.5, FINE, slow.middle))

    def distance(name: str) -> float:
        ocv = parameters.load(name).entries["ocv"]
        return abs(float(np.interp(0.5, ocv.soc, ocv.value.mean(axis=0))) - half)

    return min(BASES, key=distance)


def _without(tests: CellTests, leave_out: Sequence[float]) -> tuple[tuple[Slow, ...], tuple[Trace, ...]]:
    """CellTests at other temperatures, and of these no sample taken at one that is left out."""

    def out(celsius: float) -> bool:
        return any(abs(celsius - left) <= ALIKE_K for left in leave_out)

    for left in leave_out:
        if not any(abs(trace.mean_degC - left) <= ALIKE_K for trace in tests.dynamic):
            there = ", ".join(
                f"{t:g}" for t in sorted({round(trace.mean_degC, 1) for trace in tests.dynamic})
            )
            raise UsageError(
                f"no dynamic test is at {left:g} degC", key="--leave-out", remedy=f"they are at {there} degC"
            )
    slow = tuple(one for one in tests.slow if not out(one.temperature_degC))
    fitted = []
    for trace in tests.dynamic:
        used = trace.used.copy()
        for left in leave_out:
            used &= np.abs(trace.temperature_degC - left) > ALIKE_K
        if not out(trace.mean_degC) and used.any():
            fitted.append(replace(trace, used=used))
    if not slow or not fitted:
        kind = "dynamic" if slow else "slow"
        raise UsageError(f"no {kind} test is left to fit", key="--leave-out", remedy="leave out fewer")
    return slow, tuple(fitted)


def _told(
    wish: Wish, base: str, slow: Sequence[Slow], fitted: Sequence[Trace], ohm: dict[float, float]
) -> Told:
    middle = nearest(slow, T_REF)
    lowest, highest = _reached(slow)
    files = ", ".join([one.name for one in slow] + [trace.name for trace in fitted])
    where = ", ".join(f"{celsius:.3g}" for celsius in ohm)
    if len(ohm) >= 2:
        law = f"hil fit-cell: through the resistances from one sample to the next at {where} degC"
    else:
        law = f"provisional: of {base}; the tests have changing currents at one temperature only"
    return Told(
        title=wish.title,
        base=base,
        tests=files,
        law=law,
        coldest_degC=min(ohm) if len(ohm) >= 2 else None,
        capacity_Ah=middle.capacity_Ah,
        capacity_source=f"hil fit-cell: charge taken in {middle.name}",
        window_V=wish.window_V or (lowest, highest),
        window_source="as given to hil fit-cell"
        if wish.window_V
        else "provisional: lowest and highest voltage of the slow tests",
        entropic=maths.entropic(slow),
        mass_kg=wish.mass_kg,
    )


def _reached(slow: Sequence[Slow]) -> tuple[float, float]:
    branches = [branch for one in slow for branch in (one.discharge, one.charge) if branch is not None]
    return min(float(b.min()) for b in branches), max(float(b.max()) for b in branches)
