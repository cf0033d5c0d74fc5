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
OF_THE_PLUGIN = ("image", "revert")
"""Keywords that are no want of a single guest."""
KEYWORDS = ("image", *_WANTS, "revert")
"""The marker's."""
_NO_IMAGE = "no Windows image is configured: give --smolvm-image=FILE.qcow2, or --smolvm-image=practice"


def help_text() -> str:
    """The marker as ``pytest --markers`` shows it."""
    signature = ", ".join([f"{name}=None" for name in KEYWORDS[:-1]] + ["revert=False"])
    return (
        f"{NAME}({signature}): configures one test's guest. "
        "image: the name of a configured image; a list of names runs the test on each. "
        + "".join(f"{name}: {text}. " for name, text in _WANTS.items())
        + "revert: bring a guest shared by class, module or session back to its first state before every test."
    )


def marked(node: Node) -> dict[str, Any]:
    """The keywords of a test's, class's or module's closest marker.

    :raises UsageError: it has something that is none.
    """
    arguments, said = _said_by_marker(node)
    who = f"marker {NAME} of {node.nodeid}"
    if arguments:
        raise UsageError(f"{who}: give keywords, not {arguments[0]!r}; possible are {', '.join(KEYWORDS)}")
    return _checked(who, said)


def of_suite(said: object) -> dict[str, Any]:
    """The keywords that the fixture ``windows_vm_spec`` returned.

    :raises UsageError: it returned something else.
    """
    said = masked_wants(said)
    who = "fixture windows_vm_spec"
    if not isinstance(said, Mapping):
        raise UsageError(f"{who}: give a dict of keywords, not {said!r}; possible are {', '.join(KEYWORDS)}")
    if "image" in said:
        raise UsageError("windows_vm_spec cannot choose the image; use --smolvm-image=PATH or the marker")
    return _checked(who, said)


def image_names(node: Node, configured: Sequence[str]) -> list[str]:
    """The images a test is to run on: those its marker names, else all that are configured."""
    named = marked(node).get("image")
    if named is None:
        return list(configured)
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


def _said_by_marker(node: Node) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Here nothing is raised: the marker itself, with the secrets that it may hold, is in no traceback."""
    mark = node.get_closest_marker(NAME)
    return ((), {}) if mark is None else (mark.args, hidden(mark.kwargs))


def _checked(who: str, said: Mapping[Any, Any]) -> dict[str, Any]:
    for name in said:
        if name not in KEYWORDS:
            raise UsageError(f"{who}: {unknown_keyword(str(name), KEYWORDS)}")
    return dict(said)
