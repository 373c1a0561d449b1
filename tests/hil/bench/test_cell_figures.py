"""The cell's benchmark: which figures there are; how good they are is for ``hil bench``."""

import pytest

from hil.bench import cell


def test_every_goal_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell, "_ROUNDS", 2)
    monkeypatch.setattr(cell, "_PART_S", 1e-4)
    figures = {figure.name: figure for figure in cell.run()}
    goals = {name: (figure.unit, figure.goal) for name, figure in figures.items()}
    assert goals == {
        "cell step, 1,000 cells in series": ("ns", "<= 6"),
        "NumPy twin over C core, 1,000 cells": ("x", ">= 8"),
        "cell step, 100,000 cells in series": ("ns", "<= 8"),
        "NumPy twin over C core, 100,000 cells": ("x", ">= 8"),
        "cell step, 960 cells, 16 in parallel": ("ns", "<= 8"),
        "cell step, 99,840 cells, 16 in parallel": ("ns", "<= 8"),
        "full cell step, 1,000 cells in series": ("ns", "<= 12"),
        "full cell step, 100,000 cells in series": ("ns", "<= 14"),
        "a year of 1p100s at 1 s, ageing on": ("s", "<= 120"),
        "save and restore, 1,000 cells": ("ms", "<= 1"),
    }
    assert all(figure.value > 0.0 for figure in figures.values())
    assert all(figure.ok is not None for figure in figures.values())
