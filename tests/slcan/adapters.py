"""Serves two emulated slcan adapters on one bus while a command runs: ``adapters.py COMMAND…``.

Their serial ports are pseudo-terminals at fixed paths, as tests/slcan/slcan.toml has them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from hil.bus.slcan_twin import serving

FOLDER = Path("/tmp/hil-slcan")  # a fixed place, as a device has


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    FOLDER.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the command ends with this program
    with serving(FOLDER / "can-a", FOLDER / "can-b"):
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
