"""One sample run for all tests of the writers."""

from __future__ import annotations

import pytest

from hil.report.record import Event
from tests.hil.report.sample import sample


@pytest.fixture(scope="session")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return sample(tmp_path_factory.mktemp("sample") / "record.jsonl")


@pytest.fixture(scope="session")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return sample(tmp_path_factory.mktemp("crash") / "record.jsonl", crash=True)
