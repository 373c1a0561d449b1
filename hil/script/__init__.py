"""Fault scripts: tests written as a list of steps in TOML, for people who do not program."""
