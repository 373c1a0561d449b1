"""A plant's state as bytes: MessagePack, in which doubles are kept bit by bit, NaN too.

It is an array of three: the text ``TWIN``, a version, the state. Blocks of numbers lie in it as they do in
memory: the byte order is the machine's own, which the version says.
"""

from __future__ import annotations

import sys
from typing import Any, cast

import msgpack  # type: ignore[import-untyped]  # it has no types of its own

_MAGIC = "TWIN"
_BEGIN = b"\x93\xa4TWIN"
_VERSION = 2 if sys.byteorder == "little" else 3
_BIG = 1  # an integer of more than 64 bits, such as a random generator's state


def freeze(state: dict[str, Any]) -> bytes:
    """A state of dicts, lists, numbers, texts and bytes.

    Raises:
        TypeError: If something else is in it.
    """
    return cast("bytes", _packer.pack((_MAGIC, _VERSION, state)))


def thaw(saved: bytes) -> dict[str, Any]:
    """Back to what was given to :func:`freeze`; tuples are lists then.

    Raises:
        ValueError: If these are not the bytes of a state, or of another kind of machine.
    """
    if not saved.startswith(_BEGIN):
        raise ValueError("these are not the bytes of a saved state")
    try:
        _, version, state = msgpack.unpackb(saved, ext_hook=_from_ext)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise ValueError(f"this state is cut off or damaged: {error}") from error
    if version != _VERSION:
        raise ValueError(f"this state has version {version}, this program reads {_VERSION}")
    return cast("dict[str, Any]", state)


def _ext_of(value: object) -> msgpack.ExtType:
    if not isinstance(value, int):
        raise TypeError(f"a state cannot hold {type(value).__name__}")
    return msgpack.ExtType(_BIG, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _from_ext(code: int, data: bytes) -> int:
    if code != _BIG:
        raise ValueError(f"nothing is of type {code}")
    return int.from_bytes(data, "little", signed=True)


_packer = msgpack.Packer(default=_ext_of)  # it keeps its room: new room of this size is dear
