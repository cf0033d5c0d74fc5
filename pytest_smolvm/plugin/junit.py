"""What pytest lets nobody say in junit's file, but in the file itself: properties of a whole run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest


def place(config: pytest.Config) -> Path | None:
    """Where the run writes its file, if it does; to be asked before a test has changed the directory."""
    named = config.getoption("--junitxml", None)
    return Path(os.path.expandvars(named)).expanduser().absolute() if named else None


def add_properties(file: Path, properties: Mapping[str, str]) -> None:
    """Add properties of the run to those that are in its finished file."""
    root = ElementTree.parse(file).getroot()
    suite = root if root.tag == "testsuite" else next(iter(root))
    listed = suite.find("properties")
    if listed is None:
        listed = ElementTree.Element("properties")
        suite.insert(0, listed)
    for name, value in properties.items():
        ElementTree.SubElement(listed, "property", name=name, value=value)
    ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
