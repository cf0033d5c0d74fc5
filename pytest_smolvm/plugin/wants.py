"""What a test may want of its guest: the grammar of the marker windows_vm and of the fixture windows_vm_spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import HostError, UsageError
from pytest_smolvm.guest.spec import MARKER, GuestSpec, hidden, unknown_keyword

if TYPE_CHECKING:
    import pytest

    Node = pytest.Item | pytest.Collector

NAME = "windows_vm"
"""The marker's."""
_WANTS = {want.name: want.metadata["help"] for want in fields(GuestSpec) if MARKER in want.metadata["where"]}
IMAGES = ("image", "images", "only", "skip")
"""Keywords that say which images a test runs on."""
OF_THE_PLUGIN = (*IMAGES, "revert")
"""Keywords that are no want of a single guest."""
KEYWORDS = (*IMAGES, *_WANTS, "revert")
"""The marker's."""
_NO_IMAGE = "no Windows image is configured: give --smolvm-image=FILE.qcow2, or --smolvm-image=practice"


def help_text() -> str:
    """The marker as ``pytest --markers`` shows it."""
    signature = ", ".join([f"{name}=None" for name in KEYWORDS[:-1]] + ["revert=False"])
    return (
        f"{NAME}({signature}): configures one test's guest. "
        "image: the name of a configured image; a list of names runs the test on each. "
        "images: names of images, 'all', or 'tag:NAME', on each of which the test runs. "
        "only: the same, of which it runs on no others. skip: the same, on which it does not run. "
        + "".join(f"{name}: {text}. " for name, text in _WANTS.items())
        + "revert: bring a guest shared by class, module or session back to its first state before every test."
    )


def marked(node: Node) -> dict[str, Any]:
    """The keywords of the markers of a test, its class and its module; what is said closest to the test counts.

    :raises UsageError: one of them has something that is none.
    """
    who, said = f"marker {NAME} of {node.nodeid}", dict[str, Any]()
    for arguments, keywords in _said_by_markers(node):
        if arguments:
            raise UsageError(f"{who}: give keywords, not {arguments[0]!r}; possible are {', '.join(KEYWORDS)}")
        if {"image", "images"} <= set(keywords):
            raise UsageError(f"{who}: give image or images, not both")
        for name, other in (("image", "images"), ("images", "image")):
            if name in keywords:
                said.pop(other, None)
        said.update(_checked(who, keywords))
    return said


def filters(node: Node) -> tuple[list[Any], list[Any]]:
    """What the keywords ``only`` and ``skip`` of all markers of a test, its class and its module say."""
    said = [keywords for _, keywords in _said_by_markers(node)]
    only, skip = ([keywords[name] for keywords in said if name in keywords] for name in ("only", "skip"))
    return only, skip


def of_suite(said: object) -> dict[str, Any]:
    """The keywords that the fixture ``windows_vm_spec`` returned.

    :raises UsageError: it returned something else.
    """
    said = masked_wants(said)
    who = "fixture windows_vm_spec"
    if not isinstance(said, Mapping):
        raise UsageError(f"{who}: give a dict of keywords, not {said!r}; possible are {', '.join(KEYWORDS)}")
    if not {*IMAGES}.isdisjoint(said):
        raise UsageError("windows_vm_spec cannot choose the image; use --smolvm-image=PATH or the marker")
    return _checked(who, said)


def image_names(named: str | Sequence[str]) -> list[str]:
    """The images that the marker's keyword ``image`` names."""
    return [named] if isinstance(named, str) else list(named)


def chosen(named: str | Sequence[str] | None, parameter: str | None) -> str:
    """The name of the image of one guest.

    :param named: what the marker says.
    :param parameter: the test's own of several, or the first that is configured.
    :raises HostError: there is no image.
    """
    if named and (isinstance(named, str) or len(named) == 1):
        return named if isinstance(named, str) else named[0]
    if parameter is None:
        raise HostError(_NO_IMAGE)
    return parameter


def masked_wants(said: object) -> Any:
    """What the fixture ``windows_vm_spec`` returned, but that no repr shows what may be a secret in it."""
    return hidden(said) if isinstance(said, Mapping) else said


def _said_by_markers(node: Node) -> list[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """The farthest first. Here nothing is raised: markers themselves, with the secrets in them, are in no traceback."""
    marks = [mark for above in node.listchain() for mark in above.own_markers if mark.name == NAME]
    return [
        (mark.args, hidden(mark.kwargs) | {k: mark.kwargs[k] for k in IMAGES if k in mark.kwargs}) for mark in marks
    ]


def _checked(who: str, said: Mapping[Any, Any]) -> dict[str, Any]:
    for name in said:
        if name not in KEYWORDS:
            raise UsageError(f"{who}: {unknown_keyword(str(name), KEYWORDS)}")
    return dict(said)
