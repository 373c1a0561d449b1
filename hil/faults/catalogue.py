"""The faults by name: what ``rig.fault("cell.voltage", cell=7, value=3.75)`` means."""

from __future__ import annotations

import difflib
import inspect
from typing import Any
from weakref import WeakKeyDictionary

from hil.errors import UsageError
from hil.faults.arguments import check_arguments
from hil.faults.fault import Fault, Maker
from hil.faults.kinds import buses, cells, circuit, frames, nodes, sensors, supply

_KINDS = (sensors, cells, circuit, supply, nodes, frames, buses)
CATALOGUE: dict[str, Maker] = {name: maker for kind in _KINDS for name, maker in kind.NAMED.items()}

_recipes: WeakKeyDictionary[Fault, tuple[str, dict[str, Any]]] = WeakKeyDictionary()


def make_fault(name: str, arguments: dict[str, Any]) -> Fault:
    """The fault of a name.

    Raises:
        UsageError: If there is no such fault, or it does not take these arguments.
    """
    maker = CATALOGUE.get(name)
    if maker is None:
        near = difflib.get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"faults: {', '.join(CATALOGUE)}"
        raise UsageError(f"no fault is called {name!r}", remedy=hint)
    checked = check_arguments(name, inspect.signature(maker), arguments)
    fault = maker(**checked)
    _recipes[fault] = (name, checked)
    return fault


def recipe_of(fault: Fault) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a fault, from which another process can make it too.

    Raises:
        UsageError: If it is not of this catalogue.
    """
    try:
        return _recipes[fault]
    except (KeyError, TypeError):
        raise UsageError(
            f"fault {fault.name!r} is of the test's own making, and the plant is another process",
            remedy="use one of the catalogue, or fault 'port'",
        ) from None
