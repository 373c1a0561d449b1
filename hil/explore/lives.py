"""Random but plausible lives, for Hypothesis to choose and to shrink."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hil.explore.act import Act, Script
from hil.explore.menu import Menu

_MOST = 14  # acts of a life


def lives(menu: Menu) -> SearchStrategy[Script]:
    """Lives of what a rig lets happen; shorter ones, of acts that stand first, are simpler."""
    acts = [act for count, act in _acts(menu) for _ in range(count)]
    return st.lists(st.sampled_from(acts), min_size=1, max_size=_MOST).map(tuple)


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
