"""Standard output and error as a command finds them: closed, on a full disk, without some letters."""

from __future__ import annotations

import errno
import io
import os
import sys

_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG}


def prepare() -> None:
    """Open what is closed, or a file that is opened later would get its number, and what is said.

    A letter that the terminal cannot show becomes its escape; output never ends in a traceback.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest: this one
            opened = open(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, opened)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_of_output(error: OSError) -> bool:
    """Whether what is said could not be written: files are told by those who write them."""
    return error.errno in _OUTPUT and error.filename is None
