"""Disposable Windows computers for tests: a pytest plugin, a library and a command.

What is named here is the public face; everything else may change with any release.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import (
    AnswerFileError,
    BootError,
    BuildError,
    CannotClone,
    CapacityError,
    CommandFailed,
    CommandTimedOut,
    DesktopError,
    DesktopMismatch,
    GuestDied,
    GuestUnreachable,
    HostError,
    HostKeyChanged,
    ImageError,
    LoginError,
    MigrationFailed,
    MonitorError,
    MonitorSilent,
    NoDesktop,
    OutputLimitExceeded,
    RegistryError,
    ResidentLost,
    ResidentLostWarning,
    ScreenError,
    ScreenMismatch,
    ServiceError,
    SmolVMError,
    StoreError,
    TimedOut,
    ToolError,
    TransferError,
    TransferInterrupted,
    Unrestorable,
    UsageError,
    ValueNotPrinted,
)

if TYPE_CHECKING:
    from pytest_smolvm.guest.commands.output import RunResult
    from pytest_smolvm.guest.commands.powershell import Argument
    from pytest_smolvm.guest.commands.spawned import Spawned
    from pytest_smolvm.guest.desktop.clipboard import Clipboard
    from pytest_smolvm.guest.desktop.controls import Control
    from pytest_smolvm.guest.desktop.desktop import Desktop
    from pytest_smolvm.guest.desktop.dialog import Dialog
    from pytest_smolvm.guest.desktop.expectation import Expectation, expect
    from pytest_smolvm.guest.desktop.locator import Locator
    from pytest_smolvm.guest.desktop.spot_expectation import SpotExpectation
    from pytest_smolvm.guest.desktop.spots import Spot
    from pytest_smolvm.guest.desktop.unreachable import (
        ConsentPrompt,
        DesktopLocked,
        HigherIntegrity,
        NotLoggedOn,
        ProviderHung,
    )
    from pytest_smolvm.guest.desktop.window import Window
    from pytest_smolvm.guest.files.filesystem import FileStat
    from pytest_smolvm.guest.layer import Layer, windows_layer
    from pytest_smolvm.guest.screen.region import Region
    from pytest_smolvm.guest.screen.screen import Screen
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.guest.system.processes import Process
    from pytest_smolvm.guest.system.regfile import RegistryValue
    from pytest_smolvm.guest.system.registry import Registry
    from pytest_smolvm.guest.system.services import Service
    from pytest_smolvm.pool.snapshots import Snapshot
    from pytest_smolvm.vm import GuestFactory, SmolVM

    __version__: str

__all__ = [
    "AnswerFileError",
    "Argument",
    "BootError",
    "BuildError",
    "CannotClone",
    "CapacityError",
    "Clipboard",
    "CommandFailed",
    "CommandTimedOut",
    "ConsentPrompt",
    "Control",
    "Desktop",
    "DesktopError",
    "DesktopLocked",
    "DesktopMismatch",
    "Dialog",
    "Expectation",
    "FileStat",
    "GuestDied",
    # For annotations.
    "GuestFactory",
    "GuestSpec",
    "GuestUnreachable",
    "HigherIntegrity",
    "HostError",
    "HostKeyChanged",
    "ImageError",
    # What prepares guests.
    "Layer",
    "Locator",
    "LoginError",
    "MigrationFailed",
    "MonitorError",
    "MonitorSilent",
    "NoDesktop",
    "NotLoggedOn",
    "OutputLimitExceeded",
    "Process",
    "ProviderHung",
    "Region",
    "Registry",
    "RegistryError",
    "RegistryValue",
    "ResidentLost",
    # A warning.
    "ResidentLostWarning",
    # What it gives.
    "RunResult",
    "Screen",
    "ScreenError",
    "ScreenMismatch",
    "Service",
    "ServiceError",
    # The guest.
    "SmolVM",
    # What can go wrong.
    "SmolVMError",
    "Snapshot",
    "Spawned",
    "Spot",
    "SpotExpectation",
    "StoreError",
    "TimedOut",
    "ToolError",
    "TransferError",
    "TransferInterrupted",
    "Unrestorable",
    "UsageError",
    "ValueNotPrinted",
    "Window",
    "expect",
    "windows_layer",
]
# pytest imports this package at every start; paramiko costs a tenth of a second and is not wanted until a guest is.
_HOMES = {
    "SmolVM": "vm",
    "GuestSpec": "guest.spec",
    "RunResult": "guest.commands.output",
    "Spawned": "guest.commands.spawned",
    "FileStat": "guest.files.filesystem",
    "Region": "guest.screen.region",
    "Screen": "guest.screen.screen",
    "Desktop": "guest.desktop.desktop",
    "Window": "guest.desktop.window",
    "Locator": "guest.desktop.locator",
    "Control": "guest.desktop.controls",
    "Clipboard": "guest.desktop.clipboard",
    "Dialog": "guest.desktop.dialog",
    "Spot": "guest.desktop.spots",
    "SpotExpectation": "guest.desktop.spot_expectation",
    "ConsentPrompt": "guest.desktop.unreachable",
    "DesktopLocked": "guest.desktop.unreachable",
    "HigherIntegrity": "guest.desktop.unreachable",
    "NotLoggedOn": "guest.desktop.unreachable",
    "ProviderHung": "guest.desktop.unreachable",
    "Expectation": "guest.desktop.expectation",
    "expect": "guest.desktop.expectation",
    "Process": "guest.system.processes",
    "Service": "guest.system.services",
    "Registry": "guest.system.registry",
    "RegistryValue": "guest.system.regfile",
    "GuestFactory": "vm",
    "Snapshot": "pool.snapshots",
    "Layer": "guest.layer",
    "windows_layer": "guest.layer",
    "Argument": "guest.commands.powershell",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("pytest-smolvm")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
