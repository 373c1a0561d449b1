"""Each part of the benchmark, for a moment: which figures there are; what they are worth is not judged."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

if sys.platform != "linux":
    pytest.skip("real time is measured on Linux", allow_module_level=True)

from hil.bench import Figure
from hil.bench.realtime.process import Machine, built
from hil.bench.realtime.run import KILLS, PARTS, Options, Part, run
from hil.cli import bench as command
from hil.cli import main

pytestmark = pytest.mark.real_time

SECONDS = 0.3
GOALS = {
    "lateness": {
        "rig over C p99, 30 messages of 10 ms, idle": "<= 2",
        "rig over C p99.9, 30 messages of 10 ms, idle": "<= 3",
        "cycles missed, 30 messages of 10 ms, idle": "0",
    },
    "drift": {
        "10 ms cyclic over 0.3 s, idle: cycles missed": "0",
        "10 ms cyclic over 0.3 s, idle: drift": "<= 1",
    },
    "cells": {
        "1,000 cells each ms, full bus, idle: steps missed in 0.3 s": "< 0.1",
        "1,000 cells each ms, full bus, idle: load of the core": "<= 70",
        "1,000 cells each ms, full bus, idle: cells within the loop": "<= 1",
        "1,000 cells each ms, full bus, idle: frames lost": "0",
    },
    "buses": {"four buses half full, idle: frames lost in 0.3 s": "0"},
    "reaction": {
        "request to reaction through the host's socket, idle: p99 above the cycle": "<= 1",
        "request to reaction through the host's socket, idle: unanswered": "0",
    },
    "breakpoint": {
        "test stopped for 0.3 s, idle: cycles missed on the bus": "0",
        "test stopped for 0.3 s, idle: it goes on after that": "1",
    },
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    said: list[str] = []
    with built(said.append) as program:
        if program is None:
            pytest.skip(f"{said}")
        yield Machine(program, say=said.append)


@pytest.mark.parametrize("part", PARTS)
def test_every_goal_is_measured_beside_the_bare_loop(part: str, machine: Machine) -> None:
    figures = PARTS[part].measure(machine, SECONDS)
    assert {figure.name: figure.goal for figure in figures if figure.goal} == GOALS[part]
    assert all((figure.ok is not None) == bool(figure.goal) for figure in figures)
    assert any("C loop" in figure.name for figure in figures)
    assert all(math.isfinite(figure.value) for figure in figures)


def test_the_bus_beside_the_cells_may_be_less_than_full(machine: Machine) -> None:
    figures = PARTS["cells"].measure(replace(machine, frames=1000), SECONDS)
    assert all(figure.name.startswith("1,000 cells each ms, 1000 frames/s, idle") for figure in figures)
    (rate,) = [figure.value for figure in figures if figure.name.endswith("frames in and out")]
    assert rate < 2500  # of the BMS's own and the rig's other messages there are some 600


def test_each_part_is_measured_idle_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(machine: Machine, seconds: float) -> list[Figure]:
        assert machine.cpu == 1
        return [Figure(f"{machine.name}, {seconds:g}", 0.0, "", "", None)]

    monkeypatch.setitem(PARTS, "drift", Part(measure, 600, ""))
    measured = [figure.name for figure in run(Options(["drift"], cpu=1), lambda _text: None)]
    assert measured[::2] == ["idle, 600", "one core loaded, 600"]
    assert all("time the hypervisor took" in name for name in measured[1::2])


def test_the_command_knows_the_parts() -> None:
    assert (*PARTS, KILLS) == command._OF_REAL


def test_the_command_gives_an_array(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(arguments: argparse.Namespace) -> list[Figure]:
        assert (arguments.only, arguments.seconds, arguments.cpu) == (["drift"], 5.0, 0)
        return [Figure("drift", 0.0, "cycles", "<= 1", True)]

    monkeypatch.setattr(command, "_of_realtime", measure)
    assert main(["bench", "realtime", "--only", "drift", "--seconds", "5", "--cpu", "0", "--json"]) == 0
    (figure,) = json.loads(capsys.readouterr().out)
    assert figure == {"name": "drift", "value": 0.0, "unit": "cycles", "goal": "<= 1", "ok": True}


def test_its_options_are_not_for_the_other_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "cell", "--seconds", "5"]) == 2
    assert "for realtime" in capsys.readouterr().err
