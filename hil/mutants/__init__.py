"""Mutants: bugs in the reference BMS, one at a time. A suite that lets one through proves nothing."""
