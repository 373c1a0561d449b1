"""REALTIME: the clock that waits, and what the operating system grants so that it wakes on time."""
