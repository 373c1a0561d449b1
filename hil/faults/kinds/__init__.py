"""The faults by kind: how each is made from its arguments."""
