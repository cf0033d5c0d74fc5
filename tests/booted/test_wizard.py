"""An installer that asks page by page is walked: by its controls, and by what can be read on the screen."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM, TimedOut, Window, expect
from tests.booted.programs import Program, told

PROGRAM = Program("wizard", ("-lgdi32", "-lcomctl32"))
INSTALLED = [
    *("page 0", "page 1", "page 2", r"installed into C:\Tool", "page 3", "page 4"),
]

pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc", "tesseract")


def test_by_its_controls(vm: SmolVM, window: Window) -> None:
    button = window.get_by(name="Next")
    button.click()
    with pytest.raises(TimedOut, match="it is disabled"):
        button.click(timeout=2)
    window.get_by(name="Accept the licence").check()
    button.click()
    window.get_by(name="Back").click()
    window.get_by(name="Accept the licence").check()
    button.click()
    window.get_by(name="Folder:").fill(r"C:\Elsewhere")
    window.get_by(name="Install").click()
    expect(window.get_by(name="Practice Tool is installed")).to_be_visible()
    window.get_by(name="Finish").click()

    assert window.spawned is not None
    assert 0 == window.spawned.wait(60)
    assert r"installed into C:\Elsewhere" in told(window)
    assert vm.exists(r"C:\Elsewhere\tool.txt")


def test_by_what_is_read(vm: SmolVM, window: Window) -> None:
    for text in ("Next", "Accept the licence", "Next", "Install", "Finish"):
        window.get_by_text(text).click()

    assert window.spawned is not None
    assert 0 == window.spawned.wait(60)
    assert INSTALLED == told(window)


def test_it_is_left(vm: SmolVM, window: Window) -> None:
    window.get_by(name="Cancel").click()
    vm.desktop.dialog(title="Setup").press("No")
    window.get_by(name="Cancel").click()
    vm.desktop.dialog(title="Setup").press("Yes")

    assert window.spawned is not None
    assert 0 == window.spawned.wait(60)
    assert ["page 0"] == told(window)
