"""The public face: ``hil`` names what a test needs, imports it on first use, and nothing before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hil


def test_the_names_are_sorted_and_complete() -> None:
    assert hil.__all__ == sorted(hil.__all__)
    assert set(hil.__all__) == set(hil._PLACES)


@pytest.mark.parametrize("name", hil.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    thing = getattr(hil, name)
    assert thing.__module__ == hil._PLACES[name]
    assert thing.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rigg'"):
        _ = hil.rigg


@pytest.mark.parametrize("module", ["hil", "hil.pytest_plugin", "hil.cli"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "simpy", "cantools", "can", "pydantic", "jinja2"}
