"""From a Windows ISO to a sealed golden image."""

from pytest_smolvm.builder.building import build
from pytest_smolvm.builder.causes import BuildError
from pytest_smolvm.builder.conformance import Outcome, check
from pytest_smolvm.builder.recipe import Recipe

__all__ = ["BuildError", "Outcome", "Recipe", "build", "check"]
