"""Scripts as test files of pytest: each ``[[test]]`` is a test function that asks for the rig."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hil.errors import HilError
from hil.rig.rig import Rig
from hil.script.file import TestSection, read_script
from hil.script.play import play


class ScriptModule(pytest.Module):
    """A script, as if it were a test module."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Its tests.

        Raises:
            pytest.Collector.CollectError: If something is wrong in it.
        """
        try:
            self.obj = _module(self.path)
        except HilError as error:
            # one line: what the run's record has room for
            raise self.CollectError("; ".join(str(error).splitlines())) from error
        return super().collect()


def _module(path: Path) -> ModuleType:
    module = ModuleType(path.name.partition(".")[0])
    module.__file__ = str(path)
    for test in read_script(path).test:
        setattr(module, test.function, _function(test))
    return module


def _function(test: TestSection) -> Callable[[Rig], None]:
    def run(rig: Rig) -> None:
        play(rig, test)

    run.__name__ = run.__qualname__ = test.function
    run.__doc__ = test.name
    function: Any = run
    if test.case:
        function = pytest.mark.case(*test.case)(function)
    if test.requirement:
        function = pytest.mark.requirement(*test.requirement)(function)
    return function  # type: ignore[no-any-return]  # pytest's markers give back what they are put on
