"""A rig file that extends another: it says only what is different."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.rig.mistakes import Mistakes, suggest
from hil.rig.shipped import shipped_rigs

_KEY = "extends"
Parse = Callable[[Path], dict[str, Any]]


def extended(own: dict[str, Any], parse: Parse, mistakes: Mistakes) -> dict[str, Any]:
    """What a rig file says, on top of what the file says that it extends.

    Tables are merged key by key, ``false`` takes away what was there; all else, arrays too, stands in
    its place. One level only.

    Args:
        own: What stands in the file itself.
        parse: Reads a file.
        mistakes: Of the file; it is told what is inherited.
    """
    name = own.get(_KEY, "")
    if not isinstance(name, str) or not name:
        return own
    base = _find(name, mistakes)
    if base is None:
        return own
    inherited = parse(base)
    if _KEY in inherited:
        mistakes.add(_KEY, f"{base} itself extends another file", "one level is all there is")
        return own
    mistakes.inherit(base, own, inherited)
    return _merged(inherited, own)


def _find(name: str, mistakes: Mistakes) -> Path | None:
    """The file to extend: beside this one, or a shipped one."""
    beside, shipped = mistakes.path.parent / name, shipped_rigs()
    found = beside.resolve() if beside.is_file() else shipped.get(name.removesuffix(".toml"))
    if found is None:
        there = {path.name for path in (*mistakes.path.parent.glob("*.toml"), *shipped.values())}
        hint = suggest(name, sorted(there - {mistakes.path.name}), "rig files")
        mistakes.add(_KEY, f"there is no rig file {name!r} beside this one, nor is one shipped", hint)
    elif found == mistakes.path.resolve():
        mistakes.add(_KEY, "a rig file cannot extend itself")
        return None
    return found


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two tables as one; neither is changed."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            merged[key] = _merged(below[key], above[key])
        elif above[key] is False and not isinstance(below[key], bool):
            del merged[key]
    return merged
