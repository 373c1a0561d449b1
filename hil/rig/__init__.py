"""RIG: from the rig file to what a test holds."""
