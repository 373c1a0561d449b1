"""Kinds of arguments that more than one command takes."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number of things, at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of things: 1 or more")
    return value


def seed(text: str) -> int:
    """What noise begins with: a whole number, none below 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is no seed: 0 or more")
    return value


def seed_range(text: str) -> range:
    """``A-B``: the seeds from A to B; one number: that one."""
    first, _, last = text.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text} has no seed: 1-50 are fifty")
    return seeds


def share(text: str) -> str:
    """``K/N``: the K-th of N parts."""
    part, of = map(int, text.split("/"))
    if not 1 <= part <= of:
        raise argparse.ArgumentTypeError(f"{text} is no share: 1/3 is the first of three")
    return f"{part}/{of}"


def time_of(text: str, option: str) -> int:
    """A time that an option gives, in ns.

    Raises:
        UsageError: If it is none; it names the option.
    """
    from hil.errors import UnitError, UsageError
    from hil.units import time_ns

    try:
        return time_ns(text)
    except UnitError as error:
        raise UsageError(error.reason, key=option, remedy=error.remedy) from error
