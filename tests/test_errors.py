"""Errors: one tree, all of it public, and every one crosses process borders (xdist) whole."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm import errors
from pytest_smolvm.guest.desktop import unreachable

PACKAGE = Path(errors.__file__).parent
SAMPLES = [
    errors.HostKeyChanged(),
    errors.ToolError("create the overlay", ("qemu-img", "create"), 1, "no space"),
    errors.BuildError("copying files", "copying stopped", "Compare the checksum.", Path("/evidence")),
    errors.MonitorError("migrate", "no"),
    errors.BootError("disk", "nothing to boot", "BdsDxe: ..."),
    errors.Unrestorable("process", "damaged"),
    errors.GuestDied("QEMU ended", "tail"),
    errors.TransferInterrupted("broke", (r"C:\x.smolvm",), ((r"C:\a", r"C:\b"),)),
    errors.CommandFailed("exit 3", 3, "out", "err"),
    errors.ValueNotPrinted("exit 0", 0, "out", "err"),
    errors.OutputLimitExceeded("type x", 100, "out", "err"),
    errors.ResidentLost("gone", begun=True),
    errors.TimedOut("the banner", 3.0, "firmware"),
    errors.CommandTimedOut("sleep", 3.0, "out", "err"),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error: errors.SmolVMError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(error) is type(again)
    assert str(error) == str(again)
    assert vars(error) == vars(again)


def test_every_error_with_parts_of_its_own_is_pickled_here() -> None:
    with_parts = {kind for kind in tree() if "__init__" in vars(kind)}

    assert with_parts <= {type(error) for error in SAMPLES}


def test_the_tree_in_the_documentation_is_that_of_the_classes() -> None:
    drawn = re.findall(r"^([ │├└─]*)(\w+)(?= {2,}|$)", errors.__doc__ or "", re.MULTILINE)

    assert [(len(lines) // 4, name) for lines, name in drawn] == list(levels(errors.SmolVMError))


def test_all_of_the_tree_is_public() -> None:
    assert {kind.__name__ for kind in tree()} | {"ResidentLostWarning"} == set(errors.__all__)
    assert sorted(errors.__all__) == errors.__all__


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_error_is_defined_elsewhere(path: Path) -> None:
    """But for why windows cannot be reached, and for what never leaves its module: that has a private name."""
    if path.samefile(errors.__file__) or path.samefile(unreachable.__file__):
        return
    classes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    ours = [
        node.name for node in classes if {ast.unparse(base).split(".")[-1] for base in node.bases} & set(errors.__all__)
    ]

    assert [] == [name for name in ours if not name.startswith("_")]


def test_a_failed_command_shows_both_streams() -> None:
    text = str(errors.CommandFailed("setup.exe", 1603, "unpacking\n", "no licence\n"))

    assert "exit code 1603 from: setup.exe" in text
    assert "unpacking" in text
    assert "no licence" in text


def tree(root: type[Exception] = errors.SmolVMError) -> set[type[Exception]]:
    """`root` and all public classes below it."""
    return {getattr(errors, name) for _, name in levels(root)}


def levels(kind: type[Exception], level: int = 0) -> Iterator[tuple[int, str]]:
    """How deep each public class of the tree is, in the order in which the module has them."""
    yield level, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from levels(child, level + 1)
