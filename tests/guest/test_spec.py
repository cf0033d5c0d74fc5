"""What can be wanted of a guest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import GuestSpec

SPEC = GuestSpec(image=Path("/x.qcow2"))


@pytest.mark.parametrize(
    "wants",
    [
        {"memory": 0},
        {"memory": 1.5},
        {"memory": True},
        {"cpus": 0},
        {"boot": "warm"},
        {"bus": "scsi"},
        {"firmware": "openboot"},
        {"secure_boot": True, "firmware": "bios"},
        {"boot_timeout": 0},
        {"ssh_user": ""},
        {"colour": "red"},
        {"network": "lan"},
        {"network": ["example.com"]},
        {"network": None},
        {"env_vars": {"A": "1", "a": "2"}},
    ],
)
def test_wants_that_make_no_sense(wants: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wants)) if "env_vars" not in wants else "same one"):
        SPEC.having(**wants)


def test_secrets_are_not_shown() -> None:
    spec = SPEC.having(ssh_password="s3cret", env_vars={"TOKEN": "t0ken"})

    assert "s3cret" not in repr(spec)
    assert "t0ken" not in repr(spec)


@pytest.mark.parametrize("system", ["linux", "macos", "Windows"])
def test_other_systems_are_refused(system: str) -> None:
    with pytest.raises(UsageError, match="os='windows'"):
        SmolVM(os=system, image="x.qcow2")


def test_an_image_is_needed() -> None:
    with pytest.raises(UsageError, match="image="):
        SmolVM(os="windows")


def test_a_vm_that_does_not_run_says_so() -> None:
    with pytest.raises(UsageError, match="not running"):
        SmolVM(image="x.qcow2").run("1")
