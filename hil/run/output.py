"""The output folder of a run: made, cleared of an older run, filled with the reports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

from hil.errors import OutputError
from hil.report import html, junit, matrix, reactions
from hil.report.record import Event
from hil.run.traces import KINDS

RECORD_NAME = "record.jsonl"
REPORT_NAME = "report.html"
_WRITERS = {
    "junit.xml": junit.render,
    REPORT_NAME: html.render,
    "requirements.json": matrix.as_json,
    "requirements.csv": matrix.as_csv,
    "reactions.json": reactions.as_json,
    "reactions.csv": reactions.as_csv,
}
_LOGS = ("plant.log", "safe_state.jsonl", "bms.log", "bms.memory")  # of a plant in real time
_PART = re.compile(r"part-\d+")
_FILES = (RECORD_NAME, *_WRITERS, *(f"trace.{kind}" for kind in KINDS))


def make_folder(given: Path | None, rig: str, files: Iterable[str] = _FILES) -> Path:
    """The output folder, proven writable; what an older run left there does not mix with the new one.

    Args:
        given: As the user names it; ``None``: a new folder below ``hil-out``.
        rig: Name of the rig.
        files: What a run leaves there.

    Raises:
        OutputError: If it cannot be written.
    """
    try:
        out = _new(rig) if given is None else _reused(given, files)
        probe = out / ".writable"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"the output folder cannot be written: {error.strerror}",
            place=str(given or error.filename),
            key="--out",
            remedy="give a folder that you may write to",
        ) from error
    return out


def _new(rig: str) -> Path:
    """A folder of its own for each run, also for two that start in the same second."""
    now = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    parent = Path("hil-out")
    parent.mkdir(exist_ok=True)
    for attempt in count(1):
        out = parent / (f"{rig}-{now}" if attempt == 1 else f"{rig}-{now}-{attempt}")
        with suppress(FileExistsError):
            out.mkdir()
            break
    return out


def _reused(given: Path, files: Iterable[str]) -> Path:
    given.mkdir(parents=True, exist_ok=True)
    for name in files:
        (given / name).unlink(missing_ok=True)
    _clear_parts(given)
    return given


def _clear_parts(folder: Path) -> None:
    """Leave nothing of the parts of an older run, and of theirs; what is not ours stays."""
    for part in folder.iterdir():
        if _PART.fullmatch(part.name) and part.is_dir() and not part.is_symlink():
            for name in (*_FILES, *_LOGS):
                (part / name).unlink(missing_ok=True)
            _clear_parts(part)
            with suppress(OSError):
                part.rmdir()


def remove_outputs(out: Path) -> None:
    """Leave nothing of a run that did not take place."""
    with suppress(OSError):
        for name in _FILES:
            (out / name).unlink(missing_ok=True)
        out.rmdir()


def write_reports(out: Path, events: list[Event]) -> OutputError | None:
    """Write all reports; one that cannot be written does not keep the others from it.

    Returns:
        What went wrong, if anything did.
    """
    lost = None
    for name, render in _WRITERS.items():
        try:
            write_whole(out / name, render(events))
        except OSError as error:
            reason = f"cannot be written: {error.strerror}"
            lost = OutputError(reason, place=str(out / name), remedy="make room for it")
    return lost


def write_record(path: Path, events: Iterable[Event]) -> None:
    """Write a record that several runs make up, whole or not at all.

    Raises:
        OutputError: If it cannot be written; what was there is as it was.
    """
    lines = (json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events)
    try:
        write_whole(path, "".join(lines))
    except OSError as error:
        reason = f"the record of all that ran cannot be written: {error.strerror}"
        raise OutputError(
            reason, place=str(path), remedy="make room; the records of its parts are kept"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: It is as it was before.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
