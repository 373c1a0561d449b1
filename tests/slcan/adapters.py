"""Serves two emulated slcan adapters on one bus while a command runs: ``adapters.py COMMAND…``.

Their serial ports are pseudo-terminals in a folder of this run. ``RIG`` in the command stands for the rig
file, which is slcan.toml with that folder in it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from hil.bus.slcan_twin import serving

TEMPLATE = Path(__file__).with_name("slcan.toml")


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the command ends with this program
    with tempfile.TemporaryDirectory(prefix="hil-slcan-") as folder:
        rig = Path(folder) / "slcan.toml"
        rig.write_text(TEMPLATE.read_text(encoding="utf-8").replace("FOLDER", folder), encoding="utf-8")
        words = [str(rig) if word == "RIG" else word for word in command]
        with serving(Path(folder) / "can-a", Path(folder) / "can-b"):
            return subprocess.run(words, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
