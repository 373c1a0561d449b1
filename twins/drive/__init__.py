"""Traction drives: what takes a torque request and loads the DC link.

``simple.py`` is the drive of a rig that has no vehicle. ``drive.c`` is the core under a vehicle.
"""

from twins.drive.simple import FAULT, OFF, READY, RUN, UP, Drive

__all__ = ["FAULT", "OFF", "READY", "RUN", "UP", "Drive"]
