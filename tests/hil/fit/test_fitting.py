"""A cell that is known is found again from its recordings; what the file says is what the core does."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from hil.errors import UsageError
from hil.fit import fitting, page
from hil.fit.assemble import CellTests, assemble
from hil.fit.fitting import Outcome, Wish
from hil.fit.recording import read_recording
from twins.cell import parameters
from twins.cell.fit import SOC, UNIT_AH
from twins.pack import Pack, PackConfig

TRUTH_WARMTH = 0.3 + 0.7 * np.exp(4000.0 * (1 / 283.15 - 1 / 298.15))


@pytest.fixture(scope="module")
def tests(recorded: dict[str, Path]) -> CellTests:
    return assemble([read_recording(path) for path in recorded.values()])


@pytest.fixture(scope="module")
def outcome(tests: CellTests, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return fitting.run(tests, tmp_path_factory.mktemp("fit") / "found.toml", Wish("A cell of 50 Ah"))


def test_the_core_with_the_written_file_follows_the_recordings(outcome: Outcome) -> None:
    assert [one.trace.name for one in outcome.judged] == [
        "dynamic_10.csv",
        "dynamic_25.csv",
        "dynamic_40.csv",
    ]
    assert max(one.rms_mV() for one in outcome.judged) < 1.5
    assert max(one.largest_mV for one in outcome.judged) < 15.0


def test_it_finds_what_the_cell_is_made_of(outcome: Outcome) -> None:
    fit = outcome.fit
    assert outcome.told.capacity_Ah == pytest.approx(50.0, rel=2e-3)
    assert (fit.shape.tau1_s, fit.shape.tau2_s) == (12.0, 200.0)
    assert fit.shape.warmth(np.array([10.0]))[0] == pytest.approx(TRUTH_WARMTH, rel=0.03)
    assert 1e3 * fit.hysteresis == pytest.approx(18.0, abs=3.0)
    middle = slice(3, 9)
    r0 = 1e3 * fit.resistance[0, middle] * UNIT_AH / 50.0
    assert r0 == pytest.approx(2.0, rel=0.05)
    within = (SOC > 0.15) & (SOC < 0.9)
    ocv = fit.ocv[0]
    assert ocv[within] == pytest.approx(3.0 + 0.4 * SOC[within], abs=4e-3)


def test_the_file_is_a_cell_file(outcome: Outcome) -> None:
    cell = parameters.load(outcome.path)
    assert cell.title == "A cell of 50 Ah"
    assert cell.entries["mass"].value == pytest.approx(3.5 / 2, rel=0.01)  # scaled from winston-lyp-100
    assert "dynamic_10.csv" in cell.entries["r0"].source
    assert cell.entries["ocv"].source.startswith("hil fit-cell, ")
    assert cell.window_V["practice"] == cell.window_V["sheet"]
    pack = Pack(PackConfig(str(outcome.path), 4, soc=0.5))
    assert 3.1 < pack.advance(10.0, 1.0) / 4 < 3.3


def test_a_test_left_out_is_judged_but_not_fitted(tests: CellTests, tmp_path: Path) -> None:
    held = fitting.run(tests, tmp_path / "held.toml", Wish("held"), leave_out_degC=[40.0])
    by_name = {one.trace.name: one for one in held.judged}
    assert [one.left_out for one in held.judged] == [False, False, True]
    assert by_name["dynamic_40.csv"].rms_mV() < 6.0  # the law of two temperatures goes on to a third
    text = (tmp_path / "held.toml").read_text("utf-8")
    assert "dynamic_10.csv" in text
    assert "dynamic_40.csv" not in text
    assert set(held.resistances) == {10.0, 25.0}


def test_what_cannot_be_left_out_is_told(tests: CellTests, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"--leave-out: no dynamic test is at 60 degC \(they are at 10, 25, 40"
    ):
        fitting.run(tests, tmp_path / "x.toml", Wish("x"), leave_out_degC=[60.0])
    with pytest.raises(UsageError, match="no slow test is left"):
        fitting.run(tests, tmp_path / "x.toml", Wish("x"), leave_out_degC=[10.0, 25.0, 40.0])


def test_a_cell_is_taken_to_be_like_the_shipped_one_of_its_voltage(tests: CellTests) -> None:
    assert fitting.like(tests.slow[0]) == "winston-lyp-100"


def test_the_page_stands_alone(outcome: Outcome, tests: CellTests) -> None:
    html = page.render(outcome, tests)
    assert html.count("<svg") == 3 + len(outcome.judged)
    assert "http" not in html.replace("http://www.w3.org", "")
    assert "A cell of 50 Ah" in html
    assert "nan" not in html.lower().replace("finance", "")
