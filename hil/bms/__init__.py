"""BMS: the controller under test, always on the other side of a bus."""
