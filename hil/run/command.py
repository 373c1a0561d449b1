"""This installation's own command line, for a run in a process of its own."""

from __future__ import annotations

import sys

# -P: a file in the current directory must not stand in for a module
HIL = (sys.executable, "-P", "-c", "import sys; from hil.cli import main; sys.exit(main())")
