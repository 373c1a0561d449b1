"""RESPONSES: what came back over the bus, and the trace of all that was on it."""
