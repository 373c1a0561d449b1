"""Characterise: what a BMS does at its limits, found from outside and without knowing them.

``stimulus`` says what the rig can turn, ``trial`` does it to a BMS in a fresh world. ``survey`` finds which
answers there are; ``bisect`` closes in on where one changes; ``measure``, ``clearing``, ``places`` find out
all about it, ``answer`` puts that together. ``campaign`` goes through the whole rig. What is found is a
``sheet``.
"""
