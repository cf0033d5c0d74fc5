"""For every test of this repository: pytest's own test tool, and the rule that nothing is left behind."""

from __future__ import annotations

pytest_plugins = ["pytester"]
