"""What a picture of the screen costs, and how soon a text on it is noticed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from benchmarks.setting import Setting, median, seconds
from pytest_smolvm import SmolVM
from pytest_smolvm.guest.desktop.locator import Locator

PICTURES = 40
WORDS = ("Alpha", "Bravo", "Delta", "Foxtrot", "Juliet", "Quebec", "Sierra", "Victor")


def measure(setting: Setting) -> dict[str, float]:
    """Seconds: for a picture as Pillow's, and from the moment a text is on the screen until `wait_for_text` returns."""
    with setting.vm("clone") as vm:
        edit = vm.desktop.launch("notepad.exe").get_by(control_type="Edit")
        words = iter(WORDS)
        return {
            "screenshot_p50_seconds": median(PICTURES, lambda: seconds(vm.screen.screenshot)),
            "wait_for_text_noticed_p50_seconds": median(len(WORDS), lambda: _noticed(vm, edit, next(words))),
        }


def _noticed(vm: SmolVM, edit: Locator, word: str) -> float:
    """How long a word has been on the screen when it is noticed, as others look at it meanwhile."""
    place = edit.rectangle()
    before = vm.screen.screenshot(place).tobytes()

    def noticed() -> float:
        vm.screen.wait_for_text(word, region=place)
        return perf_counter()

    with ThreadPoolExecutor(2) as others:
        waiting = others.submit(noticed)
        writing = others.submit(edit.fill, word)
        while vm.screen.screenshot(place).tobytes() == before:
            pass
        appeared = perf_counter()
        writing.result()
        return waiting.result() - appeared
