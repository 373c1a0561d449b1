"""What the fit reaches on the published THUN100 set: temperatures left out in turn, then all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hil.bench import Figure
from hil.errors import UsageError
from hil.fit import fitting, thun100
from hil.fit.assemble import CellTests, assemble
from hil.fit.fitting import Outcome, Wish
from hil.fit.recording import read_recording
from twins.cell.fit import HINT, require_scipy

_LEFT_OUT: Final = (15.0, 25.0)
_FITTED: Final = (15.0, 25.0, 45.0)
_MIDDLE_mV, _WHOLE_mV, _IN_SAMPLE_mV = 6.0, 11.0, 6.0


def run(folder: Path, say: Callable[[str], None]) -> Iterator[Figure]:
    """Fit and judge; a minute or two.

    Args:
        folder: Where the ``THUN100_*.csv.gz`` of the set lie.
        say: Called with what is being done.

    Raises:
        UsageError: SciPy or the set is not there.
    """
    try:
        require_scipy()
    except ImportError as error:
        raise UsageError("the fit needs SciPy", remedy=HINT) from error
    with TemporaryDirectory() as name:
        out = Path(name)
        tests = _tests(folder, out / "tests")
        for celsius in _LEFT_OUT:
            say(f"fitting without {celsius:g} degC …")
            outcome = fitting.run(tests, out / "cell.toml", Wish("bench"), leave_out_degC=[celsius])
            middle_mV, whole_mV = _judged(outcome, celsius)
            where = f"UDDS at {celsius:g} degC, not fitted"
            yield _figure(f"{where}, 10-95 % SOC", middle_mV, _MIDDLE_mV)
            yield _figure(f"{where}, whole", whole_mV, _WHOLE_mV)
        say("fitting all …")
        outcome = fitting.run(tests, out / "cell.toml", Wish("bench"))
        for celsius in _FITTED:
            _, whole_mV = _judged(outcome, celsius)
            yield _figure(f"UDDS at {celsius:g} degC, fitted, whole", whole_mV, _IN_SAMPLE_mV)


def _tests(folder: Path, out: Path) -> CellTests:
    try:
        thun100.main([str(folder), str(out)])
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}",
            place=str(error.filename or folder),
            key="--data",
            remedy="the folder with the THUN100_*.csv.gz of github.com/ErhanYILMAZ/DESC_Model",
        ) from error
    return assemble([read_recording(path) for path in sorted(out.glob("*.csv"))])


def _judged(outcome: Outcome, celsius: float) -> tuple[float, float]:
    """RMS error in mV, 10-95 % SOC and whole."""
    one = next(j for j in outcome.judged if j.trace.name == f"dynamic_{celsius:g}.csv")
    return one.rms_mV(0.1, 0.95), one.rms_mV()


def _figure(name: str, value: float, goal: float) -> Figure:
    return Figure(name, value, "mV rms", f"<= {goal:g}", value <= goal)
