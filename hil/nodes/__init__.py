"""NODES: devices on the bus that follow a protocol of their own, such as a charging station.

The restbus sends what is always sent. A node of this package decides by what it hears: it is a
state machine on the rig's clock, speaks in the layouts of a DBC file, and acts on the twins through
their ports only.
"""
