"""Vehicles: what they are made of, and what a cycle does to their packs.

::

    parameters/*.toml ─► parameters.py ─► vehicle.c + ../drive/drive.c ─┐
    ../cycles ──────────────────────────► simulate.py ◄── pack ◄────────┘
                                              ▲
                                          limits.py      what a BMS would allow
"""

from twins.quantity import ParameterError, Value
from twins.vehicle.parameters import Charger, Generator, VehicleParameters, load, names
from twins.vehicle.simulate import Result, Run, Summary, simulate

__all__ = [
    "Charger",
    "Generator",
    "ParameterError",
    "Result",
    "Run",
    "Summary",
    "Value",
    "VehicleParameters",
    "load",
    "names",
    "simulate",
]
