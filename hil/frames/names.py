"""Names of signals and messages in their parts, however they are put together."""

from __future__ import annotations

import re

_PARTS = re.compile(r"E2E|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def parts_of(name: str) -> list[str]:
    """A name in its parts: ``CM_Voltages_01`` is ``cm``, ``voltages``, ``01``."""
    return [part.lower() for part in _PARTS.findall(name.translate(_UMLAUTS))]
