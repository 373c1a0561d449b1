"""`hil bench peers` where no peer is installed, and where one does not run."""

import subprocess
from pathlib import Path

import pytest

from hil.bench import peer_runs, peers
from hil.cli import main
from twins.cell import parameters


def test_the_current_changes_and_takes_a_little_charge() -> None:
    current = peer_runs.currents(80, 100.0)
    assert current[:11] == [50.0] * 10 + [-25.0]
    assert sum(current) == pytest.approx(2 * 10 * 125.0)


def test_the_equivalent_circuit_is_the_cell_without_its_options(tmp_path: Path) -> None:
    plain = parameters.load(peers._equivalent_circuit(tmp_path / "plain.toml"))
    whole = parameters.load(peer_runs.CELL)
    for key in (*parameters.SCALARS, *parameters.TABLES):
        assert (plain.entries[key].value == whole.entries[key].value).all()
    assert {plain.entries[key].source for key in parameters.OPTIONAL} == {parameters.OFF}
    assert plain.window_V == whole.window_V


def test_a_peer_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    monkeypatch.setattr(peers, "_core", lambda _: 0.05)
    assert main(["bench", "peers"]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"{name}: is not installed: pip install 'bms-hil[peers]'"
        for name in ("liionpack", "thevenin", "pybamm")
    ]
    assert said.out.count("ns/cell-step") == 2


def test_a_peer_that_does_not_run_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda _: object())
    said = peers._peer("none")
    assert isinstance(said, str)
    assert said == "does not run here: KeyError: 'none'"


def test_ratio_and_goal_of_what_a_peer_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: object() if name == "thevenin" else None)
    monkeypatch.setattr(peers, "_core", lambda _: 0.05)
    said = '{"version": "1.2", "us": 100.0, "voltage": [3.3, 3.3]}'
    monkeypatch.setattr(
        peers.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, f"noise\n{said}\n", "")
    )
    figures = {figure.name: figure for figure in peers.run(lambda _: None)}
    ratio = figures["peers: thevenin 1.2 over core"]
    assert ratio.value == pytest.approx(2000.0)
    assert ratio.ok
    assert figures["peers: thevenin 1.2 and core differ by"].value < 200.0


def test_the_same_tables_for_a_peer() -> None:
    table = peer_runs._tables()
    assert table["ocv"][1][0] == pytest.approx(2.8516, abs=1e-4)
    assert peer_runs._values()["tau2"] == 200.0
