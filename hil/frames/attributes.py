"""What the attributes of a DBC file say, as cantools has read them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from hil.errors import RigFileError

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal


def attribute_of(source: DbcMessage | DbcSignal, name: str, default: Any) -> Any:
    """What an attribute says, else the file's default for it (``BA_DEF_DEF_``); an enumeration by its name.

    Raises:
        RigFileError: If its number is none of its ``ENUM``.
    """
    own = _own(source, name)
    definition = own.definition if own is not None else _definition(source, name)
    value = own.value if own is not None else getattr(definition, "default_value", None)
    if value is None:
        return default
    if definition is not None and definition.type_name == "ENUM" and isinstance(value, int):
        if not 0 <= value < len(definition.choices):
            reason = f"attribute {name}: its ENUM has no value number {value}"
            raise RigFileError(reason, key=source.name, remedy="they count from 0")
        return definition.choices[value]
    return value


def is_given(source: DbcMessage | DbcSignal, name: str) -> bool:
    """Whether an attribute is said of this very message or signal, not by a default."""
    return _own(source, name) is not None


def _own(source: DbcMessage | DbcSignal, name: str) -> Any:
    dbc = source.dbc
    return dbc.attributes.get(name) if dbc and dbc.attributes else None


def _definition(source: DbcMessage | DbcSignal, name: str) -> Any:
    dbc = source.dbc
    return dbc.attribute_definitions.get(name) if dbc and dbc.attribute_definitions else None


def number_of(source: DbcMessage | DbcSignal, name: str, default: int) -> float:
    """What an attribute says that is a number; a text may say one, too, an empty one says nothing.

    Raises:
        RigFileError: If it is no number.
    """
    value = attribute_of(source, name, default)
    if value == "":
        return default
    number = _read(value) if isinstance(value, str) else value
    if number is None or not isfinite(number):
        remedy = "give it a number, or leave it out"
        raise RigFileError(f"attribute {name}: {value!r} is no number", key=source.name, remedy=remedy)
    return number


def _read(text: str) -> float | None:
    """The number that a text is: ``12``, ``0x0C`` or ``12.0``."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
