"""The physics."""
