"""A line of progress in the terminal."""

from __future__ import annotations

import sys


class Line:
    """A line that is written over; nothing where no terminal shows it.

    Attributes:
        live: Whether a terminal shows it.
    """

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """Show what is being done."""
        if self.live and text != self._shown:
            self.clear()
            self._shown = text
            sys.stderr.write(text)
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line empty."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()
            self._shown = ""
