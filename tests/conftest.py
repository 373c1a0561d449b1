"""What holds for all tests."""

import signal

from hypothesis import settings

settings.register_profile("any computer", deadline=None)  # a slow example is no wrong one
settings.load_profile("any computer")

# Begun in the background of a shell, Ctrl-C is ignored; the programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
