"""What an action on a window costs, and where the time goes."""

from __future__ import annotations

from benchmarks.setting import Setting, median, seconds

ACTIONS = 20


def measure(setting: Setting) -> dict[str, float]:
    """Seconds. An action is a click: a look that finds the control, and the click itself, each a question to the guest.

    A look reads the window and its controls. What is left of an action is the click in the guest, until its program has
    taken it. The way of a question there and back is a part of both: that of the clipboard, which is answered at once.
    """
    found: dict[str, float] = {}
    with setting.vm("clone") as vm:
        found["desktop_first_use_seconds"] = round(seconds(vm.desktop.windows), 3)  # the library is compiled
        window = vm.desktop.launch("notepad.exe")
        edit = window.get_by(control_type="Edit")
        found["action_first_seconds"] = round(seconds(edit.click), 3)
        found["action_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.click))
        found["action_look_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.state))
        found["action_way_p50_seconds"] = median(ACTIONS, lambda: seconds(vm.desktop.clipboard.text))
        found["empty_call_p50_seconds"] = median(ACTIONS, lambda: seconds(lambda: vm.run("", check=True)))
    click = found["action_p50_seconds"] - found["action_look_p50_seconds"]
    found["action_click_seconds"] = round(click, 3)
    found["action_first_ratio"] = round(found["action_first_seconds"] / found["action_p50_seconds"], 2)
    return found
