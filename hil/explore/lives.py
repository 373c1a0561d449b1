"""Random but plausible lives, for Hypothesis to choose and to shrink."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hil.explore.act import Act, Script
from hil.explore.menu import Menu

_PLACES = 10  # for acts in a life; some stay empty


def lives(menu: Menu) -> SearchStrategy[Script]:
    """Lives of what a rig lets happen; shorter ones, of acts that stand first, are simpler.

    Places that may stay empty, in place of a list of any length: most such lists are too short for events
    that depend on each other.
    """
    acts = [act for count, act in _acts(menu) for _ in range(count)]
    choices: list[Act | None] = [None] * (len(acts) // 8) + acts
    places = st.tuples(*[st.sampled_from(choices)] * _PLACES)
    return places.map(lambda chosen: tuple(act for act in chosen if act is not None))


def _acts(menu: Menu) -> Iterator[tuple[int, Act]]:
    """All that may happen, with how often compared with the others; what takes long is rarer."""
    yield 1, Act("waits", ("5 s",))
    yield from ((2, Act("asks", (mode,))) for mode in menu.modes)
    yield from ((2, Act("breaks", (limit,))) for limit in menu.limits)
    yield 2, Act("mends")
    if menu.resets:
        yield from ((8, Act("heals")), (2, Act("resets")), (2, Act("holds_reset")))
    if menu.drives:
        yield from ((1, Act("drives", (share, "5 s"))) for share in (0.1, 0.9, -0.5))
        yield 2, Act("drives", (0.9, "60 s"))
    if menu.charges:
        yield 3, Act("charges", ("5 s",))
    yield from ((1, Act("loses", (message,))) for message in menu.messages)
    yield from ((3, Act("power_cycles", (False,))), (1, Act("power_cycles", (True,))))
    if menu.supply:
        yield from ((1, Act("loses_supply", (span,))) for span in ("100 ms", "1 s"))
