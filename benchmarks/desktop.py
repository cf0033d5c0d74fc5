"""What an action on a window costs, and where the time goes."""

from __future__ import annotations

from benchmarks.setting import Setting, median, seconds
from pytest_smolvm import Locator, SmolVM
from pytest_smolvm.pool.nursery import State

ACTIONS = 20


def measure(setting: Setting) -> dict[str, float]:
    """Seconds. An action is a click: a look that finds the control, and the click itself, each a question to the guest.

    A look reads the window and its controls. What is left of an action is the click in the guest, until its program has
    taken it. The way of a question there and back is a part of both: that of the clipboard, which is answered at once.
    The first action of a guest is measured in a clone, in a clone whose template has the desktop ready, and in a spare
    of that, as most tests get them.
    """
    found: dict[str, float] = {}
    with setting.vm("clone") as vm:
        found["desktop_first_use_seconds"] = round(seconds(vm.desktop.windows), 3)  # the library is compiled
        edit = _edit(vm)
        found |= _first(edit, "action_first")
        found["action_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.click))
        found["action_look_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.state))
        found["action_way_p50_seconds"] = median(ACTIONS, lambda: seconds(vm.desktop.clipboard.text))
        found["empty_call_p50_seconds"] = median(ACTIONS, lambda: seconds(lambda: vm.run("", check=True)))
    click = found["action_p50_seconds"] - found["action_look_p50_seconds"]
    found["action_click_seconds"] = round(click, 3)
    with setting.vm("clone", desktop=True) as vm:
        found |= _first(_edit(vm), "action_first_ready")
        setting.pool.spares.expect(vm.spec)
        assert setting.pool.spares.wait() is State.READY  # it has rehearsed by then
    with setting.vm("clone", desktop=True) as vm:
        found |= _first(_edit(vm), "action_first_spare")
    return found


def _edit(vm: SmolVM) -> Locator:
    return vm.desktop.launch("notepad.exe").get_by(control_type="Edit")


def _first(edit: Locator, name: str) -> dict[str, float]:
    """A guest's first action, and how much longer it takes than those that follow."""
    first = seconds(edit.click)
    return {
        f"{name}_seconds": round(first, 3),
        f"{name}_ratio": round(first / median(ACTIONS, lambda: seconds(edit.click)), 2),
    }
