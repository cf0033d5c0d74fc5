"""What it costs to record what a test does, where it passes and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from benchmarks.setting import Setting, in_turns, seconds
from pytest_smolvm import Locator, SmolVM
from pytest_smolvm.plugin.trace.recording import Recording

ROUNDS = 20
TESTS = 8
_FILE = r"C:\bench\notes.txt"


def measure(setting: Setting) -> dict[str, float]:
    """Seconds that the same work takes in one guest: as it is, with a trace, and with a film besides.

    The work is what a test of a program does: scripts, files, and actions on a window, which a trace takes two pictures
    of. Recording begins and ends with it, as it does for each test.
    """
    with setting.vm("clone") as vm:
        vm.desktop.windows()  # the library is compiled
        edit = vm.desktop.launch("notepad.exe").get_by(control_type="Edit")
        _work(vm, edit)

        def recorded(*, trace: bool, video: bool) -> Callable[[], float]:
            return lambda: seconds(lambda: _recorded(vm, edit, trace=trace, video=video))

        took = in_turns(
            ROUNDS,
            {
                "off": recorded(trace=False, video=False),
                "trace": recorded(trace=True, video=False),
                "video": recorded(trace=False, video=True),
            },
        )
    return {
        "trace_off_seconds": took["off"],
        "trace_on_seconds": took["trace"],
        "trace_overhead_ratio": round(took["trace"] / took["off"], 3),
        "video_overhead_ratio": round(took["video"] / took["off"], 3),
        "trace_test_overhead_ratio": _of_tests(setting),
    }


def _of_tests(setting: Setting) -> float:
    """What a trace adds to tests as they are: each has a clone of its own, and starts its program."""

    def test(*, trace: bool) -> Callable[[], float]:
        def whole() -> None:
            with setting.vm("clone", desktop=True) as vm:
                edit = vm.desktop.launch("notepad.exe").get_by(control_type="Edit")
                _recorded(vm, edit, trace=trace, video=False)

        return lambda: seconds(whole)

    with setting.vm("clone", desktop=True):
        pass  # the template is baked
    took = in_turns(TESTS, {"off": test(trace=False), "trace": test(trace=True)})
    return round(took["trace"] / took["off"], 3)


def _recorded(vm: SmolVM, edit: Locator, *, trace: bool, video: bool) -> None:
    recording = Recording(vm, trace=trace, video=video)
    with recording.running() if trace or video else nullcontext():
        _work(vm, edit)
    recording.close()


def _work(vm: SmolVM, edit: Locator) -> None:
    vm.write_text(_FILE, "one\n" * 1000)
    vm.run(f"(Get-Content -LiteralPath '{_FILE}').Count", check=True)
    edit.click()
    edit.fill("two")
    assert vm.read_text(_FILE)
