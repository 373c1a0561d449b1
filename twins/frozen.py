"""A plant's state as bytes: its small things as JSON, blocks of numbers beside it, as they lie in memory.

::

    b"TWIN"  version  length of JSON  JSON  blocks, one after the other

In the JSON a block stands as ``{"#": [offset, length]}``. Doubles are kept bit by bit, NaN too; the byte
order is the machine's own, which the version says.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any

_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"TWIN"
_VERSION = 1 if sys.byteorder == "little" else 0x100


def freeze(state: dict[str, Any]) -> bytes:
    """A state of dicts, lists, numbers, texts and bytes."""
    blocks: list[bytes] = []
    end = 0

    def beside(block: object) -> dict[str, list[int]]:
        nonlocal end
        if not isinstance(block, bytes):
            raise TypeError(f"a state cannot hold {type(block).__name__}")
        place = [end, len(block)]
        blocks.append(block)
        end += len(block)
        return {"#": place}

    text = json.dumps(state, default=beside).encode("ascii")
    return b"".join((_HEAD.pack(_MAGIC, _VERSION, len(text)), text, *blocks))


def thaw(saved: bytes) -> dict[str, Any]:
    """Back to what was given to :func:`freeze`; tuples are lists then.

    Raises:
        ValueError: If these are not the bytes of a state, or of another kind of machine.
    """
    if len(saved) < _HEAD.size or saved[:4] != _MAGIC:
        raise ValueError("these are not the bytes of a saved state")
    _, version, length = _HEAD.unpack_from(saved)
    if version != _VERSION:
        raise ValueError(f"this state has version {version}, this program reads {_VERSION}")
    begin = _HEAD.size + length
    if len(saved) < begin:
        raise ValueError("this state is cut off")

    def block_or_table(table: dict[str, Any]) -> Any:
        place = table.get("#")
        if place is None:
            return table
        offset, size = place
        block = saved[begin + offset : begin + offset + size]
        if len(block) != size:
            raise ValueError("this state is cut off")
        return block

    state: dict[str, Any] = json.loads(saved[_HEAD.size : begin], object_hook=block_or_table)
    return state
