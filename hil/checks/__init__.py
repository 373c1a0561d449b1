"""CHECKS: statements about signals over time, each a small object that can say itself."""
