"""The public face: what `pytest_smolvm` names, and how it is called. A change here is a change for every user."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import pytest_smolvm
from pytest_smolvm import errors

NAMES = """
    SmolVM GuestSpec
    RunResult Spawned FileStat Process Service Registry RegistryValue Screen Region Desktop Window Locator Control Spot SpotExpectation Dialog Clipboard Expectation expect Snapshot Layer windows_layer
    GuestFactory Argument
    SmolVMError AnswerFileError BootError BuildError CannotClone CapacityError CommandFailed CommandTimedOut DesktopError DesktopMismatch GuestDied GuestUnreachable
    HostError HostKeyChanged ImageError LoginError MigrationFailed MonitorError MonitorSilent NoDesktop OutputLimitExceeded RegistryError ResidentLost ScreenError ScreenMismatch ServiceError StoreError
    ConsentPrompt DesktopLocked HigherIntegrity NotLoggedOn ProviderHung
    TimedOut ToolError TransferError TransferInterrupted Unrestorable UsageError ValueNotPrinted
    ResidentLostWarning
"""
SIGNATURES = Path(__file__).with_name("signatures.txt")


def test_the_public_names() -> None:
    assert sorted(NAMES.split()) == sorted(pytest_smolvm.__all__)


@pytest.mark.parametrize("name", pytest_smolvm.__all__)
def test_each_is_there(name: str) -> None:
    assert name in {"Argument", getattr(getattr(pytest_smolvm, name), "__name__", "")}


def test_dir_tells_them() -> None:
    assert sorted([*pytest_smolvm.__all__, "__version__"]) == dir(pytest_smolvm)


def test_all_errors_are_among_them() -> None:
    assert set(errors.__all__) <= set(pytest_smolvm.__all__)


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Pool'"):
        _ = pytest_smolvm.Pool


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == pytest_smolvm.__version__


def test_signatures_are_what_they_were() -> None:
    """To change them on purpose: ``python -m tests.test_public > tests/signatures.txt``."""
    assert SIGNATURES.read_text(encoding="utf-8").splitlines() == signatures()


def test_naming_the_package_loads_none_of_the_machinery() -> None:
    program = "import sys, pytest_smolvm; dir(pytest_smolvm); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert {"pytest_smolvm", "pytest_smolvm.errors"} == {name for name in loaded if name.startswith("pytest_smolvm")}
    assert not {"paramiko", "importlib.metadata"} & set(loaded)


def signatures() -> list[str]:
    """Every public class with how it is made, and its public methods and attributes."""
    lines = []
    for name in pytest_smolvm.__all__:
        kind = getattr(pytest_smolvm, name)
        if not inspect.isclass(kind):
            continue
        lines.append(f"{name}{_signature(kind)}" if kind is not pytest_smolvm.GuestFactory else name)
        lines += [f"{name}.{member}" for member in sorted(_members(kind))]
    return lines


def _members(kind: type) -> list[str]:
    found = []
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if name in dir(TimeoutError) or (name.startswith("_") and name != "__call__"):
            continue
        if isinstance(value, (classmethod, staticmethod)):
            value = value.__func__
        found.append(f"{name}{_signature(value)}" if callable(value) else name)
    return found


def _signature(value: Callable[..., object]) -> str:
    try:
        return str(inspect.signature(value))
    except ValueError:  # an exception's that has none of its own
        return ""


if __name__ == "__main__":
    print("\n".join(signatures()))
