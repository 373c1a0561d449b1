"""The rig. The way of the data, with the folder of each station::

    rig file ─► rig/ ─► host/ ── twins step (twins/) ─► rig/wire ─► frames/ ─► bus/ ─► bms/
                         ▲                                                              │
         faults/ ────────┘        checks/ ◄── rig/observe ◄── responses/ ◄── frames/ ◄──┘
            ▲                        │
         suite/ ◄────────────────────┴─► report/ (record, html, junit)      run/ holds it all together

``docs/tour.md`` walks one frame along it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.checks.verdict import BmsFailure, Verdict
    from hil.errors import HilError, NotOfferedError
    from hil.rig.load import load_rig
    from hil.rig.rig import Rig
    from hil.rig.schema import RigConfig

_PLACES = {
    "BmsFailure": "hil.checks.verdict",
    "HilError": "hil.errors",
    "NotOfferedError": "hil.errors",
    "Rig": "hil.rig.rig",
    "RigConfig": "hil.rig.schema",
    "Verdict": "hil.checks.verdict",
    "load_rig": "hil.rig.load",
}

__all__ = [
    "BmsFailure",
    "HilError",
    "NotOfferedError",
    "Rig",
    "RigConfig",
    "Verdict",
    "load_rig",
]


def __getattr__(name: str) -> object:
    """Import on first use: the pytest plugin is loaded in every pytest, and must stay light."""
    if name not in _PLACES:
        raise AttributeError(f"module 'hil' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
