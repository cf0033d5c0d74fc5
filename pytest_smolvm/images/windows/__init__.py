"""From a Windows ISO to a sealed golden image."""

from pytest_smolvm.errors import BuildError
from pytest_smolvm.images.windows.build import build
from pytest_smolvm.images.windows.recipe import Recipe

__all__ = ["BuildError", "Recipe", "build"]
