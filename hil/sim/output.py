"""What a run leaves: its table, its page and its summary, in a folder; and the summary for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hil.errors import OutputError
from hil.run.output import make_folder
from hil.sim import page
from hil.sim.runner import Ending
from hil.sim.scenario import Scenario
from hil.sim.table import require_parquet
from hil.sim.words import amount, clock

PAGE_NAME = "page.html"
SUMMARY_NAME = "summary.json"
FORMATS = ("csv", "parquet")
_FILES = (PAGE_NAME, SUMMARY_NAME, *(f"trace.{kind}" for kind in FORMATS))


def prepare(given: Path | None, name: str, kind: str) -> Path:
    """The folder, before the run: proven writable, cleared of an older run.

    Raises:
        OutputError: It cannot be written.
        UsageError: The format needs a package that is not installed.
    """
    if kind == "parquet":
        require_parquet()
    return make_folder(given, f"sim-{name}", _FILES)


def write(scenario: Scenario, ending: Ending, folder: Path, kind: str) -> None:
    """Write table, page and summary; one that cannot be written does not keep the others from it.

    Raises:
        OutputError: Something could not be written.
    """
    table = scenario.table
    writers: dict[str, Callable[[Path], object]] = {
        f"trace.{kind}": table.write_parquet if kind == "parquet" else table.write_csv,
        PAGE_NAME: lambda path: path.write_text(page.render(scenario, ended=why(scenario, ending)), "utf-8"),
        SUMMARY_NAME: lambda path: path.write_text(summary_json(scenario, ending) + "\n", "utf-8"),
    }
    lost = [error for name, writer in writers.items() if (error := _written(folder / name, writer))]
    if lost:
        raise lost[0]


def _written(path: Path, writer: Callable[[Path], object]) -> OutputError | None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        writer(part)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        reason = f"cannot be written: {error.strerror or error}"
        return OutputError(reason, place=str(path), remedy="make room for it, or give another --out")
    return None


def why(scenario: Scenario, ending: Ending) -> str:
    """Why it ended before its time."""
    return "Interrupted" if ending.interrupted else scenario.stopped


def summary_json(scenario: Scenario, ending: Ending) -> str:
    """The summary for programs; keys carry their unit."""
    figures = {
        f"{one.key}_{one.unit}" if one.unit else one.key: {"value": one.value, "note": one.note}
        for one in scenario.summary()
    }
    said = {
        "scenario": scenario.name,
        "title": scenario.title,
        "facts": dict(scenario.facts()),
        "ended_early": why(scenario, ending),
        "figures": figures,
        "wall_s": round(ending.wall_s, 3),
    }
    return json.dumps(said, indent=2, ensure_ascii=False)


def summary_text(scenario: Scenario, ending: Ending) -> str:
    """The summary for people."""
    figures = scenario.summary()
    width = max(len(figure.label) for figure in figures)
    lines = [scenario.title]
    for figure in figures:
        said = clock(float(figure.value)) if figure.unit == "s" else amount(figure.value, figure.unit)
        lines.append(f"  {figure.label:{width}}  {said:>12}  {figure.note}".rstrip())
    time_s = float(scenario.table["time"][-1]) if scenario.table.rows else 0.0
    speed = f"{time_s / ending.wall_s:,.0f} times real time" if ending.wall_s > 0.0 else ""
    lines.append(f"  {'took':{width}}  {f'{ending.wall_s:.2f} s':>12}  {speed}")
    return "\n".join(lines)
