"""DOCTOR: what this machine lacks for a rig in real time, how late it wakes, and what to change."""
