"""A test as a plant sees it: ``ADDRESS``. Takes the lease, lets the plant begin, takes what comes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hil.clock import NS_PER_MS
from hil.host.connection import Connection


def main(arguments: Sequence[str]) -> int:
    """Take frames until the end."""
    connection = Connection(arguments[0], "a test that stops")
    connection.call("lease")
    connection.call("renew", seed=1)
    connection.call("power_on", cold=True)
    while True:
        connection.advance(connection.now_ns + 100 * NS_PER_MS, ())
        sys.stdout.write("goes on\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
