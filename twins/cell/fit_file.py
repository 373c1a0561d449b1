"""The cell file of a fit: what the tests tell, in a file that takes all else from a shipped cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twins.cell.fit import SOC, SOC_R, T_REF, UNIT_AH, Array, Fit

_WIDTH: Final = 112


@dataclass(frozen=True)
class Told:
    """What goes into the file besides the fit.

    Attributes:
        base: The shipped cell that the rest is taken from.
        tests: The files, in words: they are the source.
        law: Where the law of temperature is from, in words.
        coldest_degC: Of the resistances in the law.
        entropic: V/K on `SOC_R`; None leaves it to `base`.
        mass_kg: None: scaled from `base`.
        window_source: Where the window is from.
    """

    title: str
    base: str
    tests: str
    law: str
    coldest_degC: float | None
    capacity_Ah: float
    capacity_source: str
    window_V: tuple[float, float]
    window_source: str
    entropic: Array | None = None
    mass_kg: float | None = None


def cell_file(fit: Fit, told: Told, notes: Sequence[str] = ()) -> str:
    """The file; `notes` stand above as comments."""
    source, shape = f"hil fit-cell, {told.tests}", fit.shape
    head = "".join(f"# {line}".rstrip() + "\n" for line in notes)
    head += f"title = {_text(told.title)}\nbase = {_text(told.base)}\n"
    parts = [
        head,
        _scalar("capacity", told.capacity_Ah, "Ah", told.capacity_source),
        _scalar("charge_efficiency", 1.0, "1", "provisional: 1 keeps the books of energy closed"),
        _scalar("reference_temperature", T_REF, "degC", "of r0, r1 and r2"),
        _scalar("arrhenius", shape.arrhenius_K, "K", told.law),
        _scalar("arrhenius_constant", shape.constant, "1", told.law),
        _scalar("hysteresis", 1e3 * fit.hysteresis, "mV", source),
        _scalar("gamma", shape.gamma, "1", source),
        _scalar("tau1", shape.tau1_s, "s", source),
        _scalar("tau2", shape.tau2_s, "s", source),
    ]
    if told.coldest_degC is not None:
        reason = "the coldest test that has a resistance; what holds below it is provisional"
        parts.append(_scalar("cold_below", told.coldest_degC, "degC", reason))
    if told.mass_kg is not None:
        parts.append(_scalar("mass", told.mass_kg, "kg", "as given to hil fit-cell"))
    parts += [_window(profile, told) for profile in ("practice", "sheet")]
    parts.append(_ocv(fit, source))
    ohm = fit.resistance * (UNIT_AH / told.capacity_Ah)
    parts += [_table(f"r{k}", "mOhm", 1e3 * row, source) for k, row in enumerate(ohm)]
    if told.entropic is not None:
        reason = f"change of the slow branches' mean with temperature; {source}"
        parts.append(_table("entropic", "mV/K", 1e3 * told.entropic, reason))
    return "\n".join(parts)


def _text(words: str) -> str:
    """A TOML string, whatever file names hold."""
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in escaped) + '"'


def _scalar(key: str, value: float, unit: str, source: str) -> str:
    return f"[{key}]\nvalue = {value:.6g}\nunit = {_text(unit)}\nsource = {_text(source)}\n"


def _window(profile: str, told: Told) -> str:
    low, high = told.window_V
    limits = f"minimum = {low:.6g}\nmaximum = {high:.6g}\n"
    return f'[window.{profile}]\n{limits}unit = "V"\nsource = {_text(told.window_source)}\n'


def _ocv(fit: Fit, source: str) -> str:
    rows = "".join(
        f"  [ # {celsius:g} degC\n{_numbers(1e3 * row, 3, 4)}\n  ],\n"
        for celsius, row in zip(fit.knots, fit.ocv, strict=True)
    )
    head = f'[ocv]\nunit = "mV"\nsource = {_text(source)}\nsoc = [\n{_numbers(SOC, 6)}\n]\n'
    return f"{head}temperature = [{', '.join(f'{t:g}' for t in fit.knots)}]\nvalues = [\n{rows}]\n"


def _table(key: str, unit: str, values: Array, source: str) -> str:
    head = f"[{key}]\nunit = {_text(unit)}\nsource = {_text(source)}\n"
    digits = max(3, 3 - int(np.floor(np.log10(np.abs(values).max() + 1e-12))))
    return f"{head}soc = [\n{_numbers(SOC_R, 6)}\n]\nvalues = [\n{_numbers(values, digits)}\n]\n"


def _numbers(values: Array, digits: int, indent: int = 2) -> str:
    """Numbers in lines of a fit width, each with a comma."""
    lines, line = [], " " * indent
    for word in (f"{value:.{digits}f}," for value in values):
        if len(line) + len(word) + 1 > _WIDTH:
            lines.append(line)
            line = " " * indent
        line += word if line.isspace() else f" {word}"
    return "\n".join([*lines, line])
