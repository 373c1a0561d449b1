"""SUITE: what every BMS must do, made from the limits and roles of its rig file."""
