"""Search: random but plausible lives of a BMS, and what must hold in each of them.

Only the search needs Hypothesis; a test file that it has saved does not.
"""

from hil.explore.life import Life, living

__all__ = ["Life", "living"]
