"""BUS: the wire, its timing and its errors; the virtual CAN bus takes its true time for every frame."""
