"""What the fit reaches on measured data: only where HIL_THUN100 names the folder of the THUN100 set."""

import os
from pathlib import Path

import pytest

pytest.importorskip("scipy")

from hil.fit import fitting, thun100
from hil.fit.assemble import CellTests, assemble
from hil.fit.fitting import Outcome, Wish
from hil.fit.recording import read_recording

FOLDER = os.environ.get("HIL_THUN100")
pytestmark = pytest.mark.skipif(not FOLDER, reason="HIL_THUN100 does not name the THUN100 set")


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> CellTests:
    out = tmp_path_factory.mktemp("thun100")
    assert thun100.main([str(FOLDER), str(out)]) == 0
    return assemble([read_recording(path) for path in sorted(out.glob("*.csv"))])


def figures(outcome: Outcome, celsius: float) -> tuple[float, float]:
    one = next(j for j in outcome.judged if j.trace.name == f"dynamic_{celsius:g}.csv")
    return one.rms_mV(0.1, 0.95), one.rms_mV()


@pytest.mark.parametrize("celsius", [15.0, 25.0])
def test_a_temperature_that_was_not_fitted(tests: CellTests, tmp_path: Path, celsius: float) -> None:
    outcome = fitting.run(tests, tmp_path / "held.toml", Wish("held out"), leave_out_degC=[celsius])
    middle, whole = figures(outcome, celsius)
    assert middle <= 6.0
    assert whole <= 11.0


def test_all_temperatures_fitted(tests: CellTests, tmp_path: Path) -> None:
    outcome = fitting.run(tests, tmp_path / "all.toml", Wish("all"))
    assert max(figures(outcome, celsius)[1] for celsius in (15.0, 25.0, 45.0)) <= 6.0
