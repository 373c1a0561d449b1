"""A reader of the output, ``head`` or a pager say, that has gone before its end; or a disk that is full."""

from __future__ import annotations

import os


def discard_stdout() -> None:
    """Let what is still buffered go nowhere, or Python would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
