"""FAULTS: something broken on purpose, in a cell, a sensor, a contactor, a charger or a frame."""
