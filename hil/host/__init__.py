"""Where the plant and the buses run: inside the test process in virtual time."""
