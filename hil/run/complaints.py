"""The stderr of the test process: kept back while that starts, for then the message may be ours to give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

_ERROR = "error: "


class Complaints:
    """The test process's stderr, in a file.

    Args:
        path: Where to keep it.
        silent: Whether it is never shown.
    """

    def __init__(self, path: Path, *, silent: bool = False) -> None:
        self.file: BinaryIO = path.open("wb")
        self._path = path
        self._shown = 0
        self._silent = silent

    def relay(self) -> None:
        """Show what is new."""
        if self._silent:
            return
        with self._path.open("rb") as file:
            file.seek(self._shown)
            new = file.read()
        self._shown += len(new)
        if new:
            sys.stderr.write(new.decode(errors="replace"))
            sys.stderr.flush()

    def of_pytest(self) -> str:
        """What pytest says is wrong with its arguments, on one line."""
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            _, found, text = line.partition(_ERROR)
            if found and "usage: " not in line:
                return text
        said = [line.removeprefix("ERROR: ").strip() for line in lines if line.strip()]
        return said[0] if said else "wrong arguments"

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()
