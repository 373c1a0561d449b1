"""The end-to-end protection that the attributes of a DBC file ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hil.errors import RigFileError
from hil.frames.attributes import attribute_of, number_of
from hil.frames.e2e import E2E
from hil.frames.profiles import Extras, OwnChecksum, Place

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage

    from hil.frames.database import Signal

_PART = re.compile(r"Checksum[0-9]+")


def protection_of(
    source: DbcMessage, signals: Iterable[Signal], checksums: Mapping[str, OwnChecksum]
) -> E2E | None:
    """What guards a message; ``None``: nothing.

    Args:
        source: The message as it stands in the DBC file.
        signals: Those of its signals that can be used.
        checksums: Functions by the name that attribute ``E2EProfile`` calls them.

    Raises:
        RigFileError: If its attributes, or the places of its signals, do not fit the profile.
    """
    profile = str(attribute_of(source, "E2EProfile", "None"))
    if profile == "None":
        return None
    try:
        return _scheme(profile, source, list(signals), checksums.get(profile))
    except ValueError as error:
        raise RigFileError(f"attribute E2EProfile: {error}", key=source.name) from error


def _scheme(profile: str, source: DbcMessage, signals: Sequence[Signal], own: OwnChecksum | None) -> E2E:
    """The protection of a profile.

    Raises:
        ValueError: If the attributes, or the places of the signals, do not fit it.
    """

    def place(signal: Signal) -> Place:
        return signal.start, signal.length, signal.little_endian

    places = _places_of_roles((signal.e2e_role, place(signal)) for signal in signals)
    counter = places.get("Counter")
    parts = _checksum_parts(places)
    checksum = parts[0] if parts else None
    mode = str(attribute_of(source, "E2EDataIdMode", ""))
    scheme = E2E.of(
        profile,
        int(number_of(source, "E2EDataId", 0)),
        source.length,
        counter,
        checksum,
        Extras(
            "" if mode == "None" else mode,
            _id_list(str(attribute_of(source, "E2EDataIdList", ""))),
            source.frame_id,
            own,
            tuple(parts[1:]),
        ),
    )
    others = ((signal.name, place(signal)) for signal in signals if signal.e2e_role == "None")
    scheme.check_places(counter, checksum, others)
    return scheme


def _id_list(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        reason = f"E2EDataIdList {text!r} is no row of bytes, each of two hexadecimal digits"
        raise ValueError(reason) from error


def _places_of_roles(signals: Iterable[tuple[str, Place]]) -> dict[str, Place]:
    """Where the signals with an E2ERole are; groups of a multiplexor may each have one in the same place.

    Raises:
        ValueError: If signals in different places have the same of those that are filled in.
    """
    places: dict[str, Place] = {}
    for role, place in signals:
        if role.startswith(("Counter", "Checksum")) and places.get(role, place) != place:
            remedy = ": the parts of one are Checksum1, Checksum2, …" if role == "Checksum" else ""
            raise ValueError(f"two signals have E2ERole {role}{remedy}")
        places[role] = place
    return places


def _checksum_parts(places: Mapping[str, Place]) -> list[Place]:
    """Where the checksum is: in one signal, or in several of which the first has its highest bits.

    Raises:
        ValueError: If a part is missing, or there is a whole one too.
    """
    parts = {role for role in places if _PART.fullmatch(role)}
    if not parts:
        return [places["Checksum"]] if "Checksum" in places else []
    if "Checksum" in places:
        raise ValueError("there are signals with E2ERole Checksum and with its parts")
    numbered = [f"Checksum{number}" for number in range(1, len(parts) + 1)]
    missing = [role for role in numbered if role not in parts]
    if missing:
        raise ValueError(f"no signal of this message has E2ERole {missing[0]}")
    return [places[role] for role in numbered]
