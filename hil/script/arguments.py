"""The arguments of a fault as a script writes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hil.errors import HilError, UnitError
from hil.faults.arguments import KINDS
from hil.faults.catalogue import CATALOGUE
from hil.rig.limits import Limit
from hil.rig.mistakes import suggest
from hil.script.amount import Amount, read_amount, read_span

if TYPE_CHECKING:
    from hil.script.file import StepSection

_READERS: dict[str, Callable[[str], Amount]] = {"float": read_amount, "Time": read_span}


def mistakes_of_fault(step: StepSection) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Whether there is such a fault, and takes these arguments: key within the step, reason, remedy."""
    if step.fault is None:
        return
    if step.fault not in CATALOGUE:
        yield ("fault",), f"no fault is called {step.fault!r}", suggest(step.fault, CATALOGUE, "faults")
        return
    known = inspect.signature(CATALOGUE[step.fault]).parameters
    for key, parameter in known.items():
        if key not in step.with_ and parameter.default is parameter.empty:
            yield ("with",), f"{step.fault} needs {key}", f"it takes {', '.join(known)}"
    for key, value in step.with_.items():
        if key not in known:
            yield ("with", key), f"{step.fault} takes no such argument", suggest(key, known, "arguments")
            continue
        try:
            _read(step.fault, key, value)
        except HilError as error:
            yield ("with", key), error.reason, error.remedy


def arguments_of(step: StepSection, limits: Mapping[str, Limit]) -> dict[str, Any]:
    """The arguments as the fault takes them: quantities and limits are numbers, times are in ns.

    Raises:
        NotOfferedError: If the BMS does not promise a limit in one of them.
    """
    fault = step.fault or ""
    return {key: _resolved(_read(fault, key, value), limits) for key, value in step.with_.items()}


def _read(fault: str, key: str, value: Any) -> Any:
    """An argument: an amount that has to be resolved, or the value itself."""
    kind = inspect.signature(CATALOGUE[fault]).parameters[key].annotation
    reader = _READERS.get(kind)
    if reader is not None and isinstance(value, str):
        return reader(value)
    meaning, types = KINDS[kind]
    if not isinstance(value, types) or isinstance(value, bool) or kind == "Time":
        raise UnitError(f"{value!r} is not {meaning}")
    return value


def _resolved(value: Any, limits: Mapping[str, Limit]) -> Any:
    if not isinstance(value, Amount):
        return value
    number = value.value(limits)
    return round(number) if value.is_time else number
