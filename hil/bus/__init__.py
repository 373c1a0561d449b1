"""BUS: the wire, its timing and its errors; a virtual frame takes its true time."""
