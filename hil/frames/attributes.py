"""What the attributes of a DBC file say, as cantools has read them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from hil.errors import RigFileError

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal


def attribute_of(source: DbcMessage | DbcSignal, name: str, default: Any) -> Any:
    """What an attribute says, an enumeration by its name.

    Raises:
        RigFileError: If its number is none of its ``ENUM``.
    """
    dbc = source.dbc
    attribute = dbc.attributes.get(name) if dbc and dbc.attributes else None
    value = attribute.value if attribute is not None else default
    definition = getattr(attribute, "definition", None)
    if definition is not None and definition.type_name == "ENUM" and isinstance(value, int):
        if not 0 <= value < len(definition.choices):
            reason = f"attribute {name}: its ENUM has no value number {value}"
            raise RigFileError(reason, key=source.name, remedy="they count from 0")
        return definition.choices[value]
    return value


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
