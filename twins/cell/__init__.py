"""The cell: a model in C, its readable oracle, and the parameters of real cells."""
