"""One test over many images: which it runs on, in which order, and which worker runs what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_smolvm.plugin import wants
from pytest_smolvm.plugin.image_table import select

if TYPE_CHECKING:
    from pytest_smolvm.plugin.options import Settings

IMAGE = "smolvm_image"
"""The fixture that a test is parametrized with, and the property of a test, as junit's, that says its image."""


def parameters(definition: pytest.Item, settings: Settings) -> list[Any] | None:
    """What the fixture `IMAGE` is parametrized with for a test; None if it need not be, as there is one image.

    :param definition: the test, before there is one of it for each image.
    :raises UsageError: its markers name an image or tag that there is not.
    """
    known = settings.tags
    if not known:
        return None  # without any image the test is skipped, and says why
    said = wants.marked(definition)
    if "image" in said:
        names = wants.image_names(said["image"])
        return _same(names) if len(names) > 1 else None
    who = f"marker {wants.NAME} of {definition.nodeid}"
    base = select(said["images"], known, who) if "images" in said else list(settings.image)
    only, skip = wants.filters(definition)
    chosen = [name for name in base if all(name in select(words, known, f"{who}: only") for words in only)]
    left = [name for name in chosen if not any(name in select(words, known, f"{who}: skip") for words in skip)]
    if not left:
        why = f"of the images {', '.join(base)} its markers {wants.NAME} leave none"
        return [pytest.param(None, id="no-image", marks=pytest.mark.skip(reason=why))]
    return _same(left) if "images" in said or len(base) > 1 else None


def _same(names: list[str]) -> list[str]:
    """The names as the same objects for each test: pytest 7 tells values of a fixture apart by these."""
    return [sys.intern(str(name)) for name in names]


def arrange(
    config: pytest.Config, items: list[pytest.Item], image_of: dict[pytest.Item, str], settings: Settings
) -> None:
    """Take out tests on images that the run leaves out, and have the others come image by image.

    :param image_of: the image of each test that has a guest.
    """
    only = select(settings.only, settings.tags, "--smolvm-only") if settings.only else []
    gone = [item for item, name in image_of.items() if only and name not in only]
    if gone:
        items[:] = [item for item in items if item not in set(gone)]
        config.hook.pytest_deselected(items=gone)
    places = {name: number for number, name in enumerate(dict.fromkeys(image_of.values()))}
    for item, name in image_of.items():
        callspec = getattr(item, "callspec", None)
        if callspec is not None and IMAGE in callspec.indices:
            # By this pytest brings tests together that share a guest; it is the place in the test's own list before.
            callspec.indices[IMAGE] = places[name]
        if len(settings.paths) > 1:
            item.user_properties.append((IMAGE, name))
        if getattr(config.option, "loadgroup", False) and (group := _group(item, name)):
            item.add_marker(pytest.mark.xdist_group(group))


def _group(item: pytest.Item, image: str) -> str:
    """Names the guest that a test shares with others, so that one of xdist's workers runs them; empty for none."""
    fixtures = getattr(item, "fixturenames", ())
    if item.get_closest_marker("xdist_group"):
        return ""
    file, _, inside = item.nodeid.partition("::")
    places = {"session": "", "module": f" {file}", "class": f" {file}::{inside.rpartition('::')[0]}"}
    shared = (where for scope, where in places.items() if f"windows_vm_{scope}" in fixtures)
    return next((f"{image}{where}".replace("@", "-") for where in shared), "")
