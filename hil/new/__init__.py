"""A first rig file out of DBC files: names, units and value tables are read, the rest is left to the user."""
