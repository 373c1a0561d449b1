"""What the attributes of a DBC file say, as cantools has read them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from hil.errors import RigFileError

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal


def attribute_of(
    source: DbcMessage | DbcSignal, name: str, default: Any, *, inherited: bool = False
) -> Any:
    """What an attribute says, an enumeration by its name.

    Args:
        source: The message or signal.
        name: The attribute.
        default: What holds where nothing is said.
        inherited: Whether the file's default (``BA_DEF_DEF_``) is said of all. Of protection and of numbers
            that mean "not available" it is not: tools write an empty text or 0 there by themselves.

    Raises:
        RigFileError: If its number is none of its ``ENUM``.
    """
    own = _own(source, name)
    definition = own.definition if own is not None else _definition(source, name) if inherited else None
    value = own.value if own is not None else getattr(definition, "default_value", None)
    if value is None:
        return default
    if definition is not None and definition.type_name == "ENUM" and isinstance(value, int):
        if not 0 <= value < len(definition.choices):
            reason = f"attribute {name}: its ENUM has no value number {value}"
            raise RigFileError(reason, key=source.name, remedy="they count from 0")
        return definition.choices[value]
    return value


def _own(source: DbcMessage | DbcSignal, name: str) -> Any:
    dbc = source.dbc
    return dbc.attributes.get(name) if dbc and dbc.attributes else None


def _definition(source: DbcMessage | DbcSignal, name: str) -> Any:
    dbc = source.dbc
    return dbc.attribute_definitions.get(name) if dbc and dbc.attribute_definitions else None


def number_of(
    source: DbcMessage | DbcSignal, name: str, default: int, *, inherited: bool = False
) -> float:
    """What an attribute says that is a number; a text may say one, too, an empty one says nothing.

    Raises:
        RigFileError: If it is no number.
    """
    value = attribute_of(source, name, default, inherited=inherited)
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
