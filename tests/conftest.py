"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("any computer", deadline=None)  # a slow example is no wrong one
settings.load_profile("any computer")
