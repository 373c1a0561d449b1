"""Hooks: functions in a Python file beside the rig file, for what is odd about a BMS."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import HilError, RigFileError, RigFileErrors
from hil.rig.mistakes import suggest
from hil.rig.own_code import functions_of, run_file

Hook = Callable[..., object]

HOOKS: Mapping[str, tuple[str, ...]] = {
    "wake": ("rig",),
    "request": ("rig", "name", "value"),
    "reset": ("rig",),
    "before_test": ("rig",),
    "after_test": ("rig", "verdict"),
}
"""What there is, with the arguments that each gets; docs/rig-file.md says when it is called."""


@dataclass(frozen=True)
class Hooks:
    """The hooks of a rig file.

    Attributes:
        path: Their file.
        functions: By name; those that the file defines.
        within_ns: How long one call may take on the computer's clock.
        sha256: Of the file.
    """

    path: Path
    functions: Mapping[str, Hook]
    within_ns: int
    sha256: str


def load_hooks(path: Path, within_ns: int) -> Hooks:
    """The hooks that a file defines.

    Raises:
        RigFileError: If the file cannot be read or run, or defines none.
        RigFileErrors: If it defines public functions that are no hooks, or hooks with other arguments.
    """
    path = path.absolute()
    functions = functions_of(run_file(path, "hooks"))
    if not functions:
        raise RigFileError("defines no hook", place=str(path), remedy=suggest("", HOOKS, "hooks"))
    errors = [error for name, hook in functions.items() for error in _mistakes(path, name, hook)]
    if errors:
        raise RigFileErrors(errors)
    return Hooks(path, functions, within_ns, hashlib.sha256(path.read_bytes()).hexdigest())


def _mistakes(path: Path, name: str, hook: Hook) -> list[HilError]:
    if name not in HOOKS:
        remedy = f"{suggest(name, HOOKS, 'hooks')}; what is none begins with _: _{name}"
        return [RigFileError("there is no such hook", place=str(path), key=name, remedy=remedy)]
    right = f"def {name}({', '.join(HOOKS[name])}):"
    if inspect.isgeneratorfunction(hook) or inspect.iscoroutinefunction(hook):
        reason = "would never run: it is a generator or a coroutine"
        return [RigFileError(reason, place=str(path), key=name, remedy=f"a plain function, {right}")]
    try:
        inspect.signature(hook).bind(*HOOKS[name])
    except TypeError as error:
        return [RigFileError(f"takes other arguments: {error}", place=str(path), key=name, remedy=right)]
    return []
