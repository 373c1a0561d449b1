"""`hil bench accuracy`: its figures are measured, and could be missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.bench import accuracy
from hil.cli import main


def test_a_random_hour_moves_energy_and_misses_none() -> None:
    dice, plant = np.random.default_rng(0), accuracy._plant()
    books = plant.keep_books()
    for _ in range(40):
        accuracy._act(plant, dice)
        plant.env.run(until=int(plant.env.now) + 30_000_000_000)
    plant.sync()
    assert books.moved_J > 1e4
    assert plant.charge_As != 0.0
    charge, energy = accuracy._random_hour(0)
    assert charge <= 1e-9
    assert energy <= 1e-6


def test_known_answers_and_steps(tmp_path: Path) -> None:
    cell = accuracy._constant_cell(tmp_path / "cell.toml")
    assert accuracy._steps(cell) <= 1e-9
    assert accuracy._pairs(cell) <= 1e-9
    assert accuracy._ladder(cell) <= 1e-12
    assert accuracy._pairs("winston-lyp-100") > 1e-3  # another cell is not the one of the formula


def test_fit_needs_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "fit"]) == 2
    assert "--data: is for fit, and fit needs it" in capsys.readouterr().err
    assert main(["bench", "cell", "--data", str(tmp_path)]) == 2
    pytest.importorskip("scipy")
    assert main(["bench", "fit", "--data", str(tmp_path)]) == 2
    assert "THUN100_OCV_N05_S1.csv.gz: --data: cannot be read" in capsys.readouterr().err
