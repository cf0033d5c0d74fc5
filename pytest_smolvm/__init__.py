"""Disposable Windows computers for tests: a pytest plugin, a library and a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import SmolVMError

if TYPE_CHECKING:
    from pytest_smolvm.guest.commands.run import RunResult
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.vm import SmolVM

__all__ = ["GuestSpec", "RunResult", "SmolVM", "SmolVMError"]
_HOMES = {"GuestSpec": "guest.spec", "RunResult": "guest.commands.run", "SmolVM": "vm"}


def __getattr__(name: str) -> Any:
    # pytest imports this package at every start; paramiko costs a tenth of a second and is not wanted until a guest is.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
