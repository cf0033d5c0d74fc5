"""Layers: made once, kept, stacked, and not tried again once they have failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store

SUITE = r"""
from pathlib import Path
import pytest
from pytest_smolvm import windows_layer

NOTE = r"C:\ProgramData\App\note.txt"

@windows_layer(files=["installer.txt"])
def app(vm):
    vm.upload_file(Path(__file__).with_name("installer.txt"), NOTE)

@windows_layer(parent=app)
def configured(vm):
    vm.write_text(NOTE, vm.read_text(NOTE) + " and configured")

@windows_layer()
def broken(vm):
    print("trying")
    vm.run("exit 3", shell="cmd", check=True)

@pytest.mark.windows_vm(layer=app, env_vars={"MODE": "test"})
def test_app(windows_vm):
    assert windows_vm.read_text(NOTE) == "%(installed)s"
    assert windows_vm.run("$env:MODE").stdout.strip() == "test"

@pytest.mark.windows_vm(layer=configured)
def test_configured(windows_vm):
    windows_vm.remove(NOTE)
    windows_vm.revert()
    assert windows_vm.read_text(NOTE) == "%(installed)s and configured"

@pytest.mark.parametrize("number", range(2))
@pytest.mark.windows_vm(layer=broken)
def test_broken(windows_vm, number):
    pass
"""
MADE = re.compile(r"making the layer (\w+), once for this host \.\.\.$", re.MULTILINE)


def _run(inner: pytest.Pytester, store: Store, *words: str) -> tuple[pytest.RunResult, list[str]]:
    ran = inner.runpytest_subprocess("-p", "no:cacheprovider", f"--smolvm-store={store.root}", *words)
    return ran, MADE.findall(ran.stderr.str() + ran.stdout.str())


def _write(inner: pytest.Pytester, installed: str) -> None:
    inner.makepyfile(test_layers=SUITE % {"installed": installed})
    Path(inner.path, "installer.txt").write_text(installed, encoding="utf-8")


@pytest.fixture(name="own")
def _own(calm_store: Store) -> Store:
    """A store with the templates of this run's; what is added to them goes with the test."""
    place = calm_store.templates
    shared = place.readlink()
    place.unlink()
    place.mkdir(mode=0o700)
    for template in shared.iterdir():
        if not calm_store.is_aside(template):
            (place / template.name).symlink_to(template)
    return calm_store


def test_they_are_made_once_and_stacked(inner: pytest.Pytester, own: Store) -> None:
    _write(inner, "one")
    first, made = _run(inner, own)
    first.assert_outcomes(passed=2, errors=2)
    assert ["app", "configured", "broken"] == made
    first.stdout.fnmatch_lines(["*layer broken could not be made: CommandFailed: exit code 3*"])
    first.stdout.fnmatch_lines(["*found out before in this run, and not tried again*"])

    again, made = _run(inner, own, "-k", "not broken")
    again.assert_outcomes(passed=2, deselected=2)
    assert [] == made

    _write(inner, "two")
    changed, made = _run(inner, own, "-k", "test_app")
    changed.assert_outcomes(passed=1, deselected=3)
    assert ["app"] == made
