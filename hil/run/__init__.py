"""RUN: one run of a rig, from its first world to its record; and the process that watches over it."""
