"""Settings that hold for every test."""

from hypothesis import settings

# Equal runs give equal verdicts; a slow machine is no failure.
settings.register_profile("seestack", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("seestack")
