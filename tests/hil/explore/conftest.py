"""The laptop rig's BMS, whole and with bugs, for lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.explore.play import Player
from hil.mutants.build import Workshop
from hil.mutants.mutant import Mutant, catalogue
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

Broken = Callable[[Mutant], Path]


@pytest.fixture(scope="session")
def config() -> RigConfig:
    return load_rig("laptop")


@pytest.fixture(scope="session")
def whole(config: RigConfig) -> Player:
    return Player(config, 1)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    workshop = Workshop(tmp_path_factory.mktemp("unbroken") / "workshop")

    def build(mutant: Mutant) -> Path:
        return workshop.build(mutant, tmp_path_factory.mktemp("broken"))

    return build


@pytest.fixture(scope="session")
def player_of(config: RigConfig, build: Broken) -> Callable[[Mutant], Player]:
    def player(mutant: Mutant) -> Player:
        return Player(replace(config, bms=replace(config.bms, library=build(mutant))), 1)

    return player


@pytest.fixture(scope="session")
def bugs() -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in catalogue()}
