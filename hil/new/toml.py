"""What is written into a rig file, whatever folders, files and DBC files are called and say."""

from __future__ import annotations

import json
import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]+")  # what TOML allows nowhere


def text(value: str) -> str:
    """A string, with its quotes."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A key, quoted if it must be."""
    return name if _BARE.fullmatch(name) else text(name)


def remark(told: str) -> str:
    """What a comment can hold: one line."""
    return " ".join(_UNPRINTED.sub(" ", told).split())
