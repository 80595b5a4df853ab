"""The model test uses the world of the system tests: a CA, identities, keys."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from system.conftest import world  # noqa: E402, F401
