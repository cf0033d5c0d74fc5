"""What was not read of a window: whether what is looked for may be there, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_smolvm.guest.desktop.controls import MOST_FOUND, Control, item_type
from pytest_smolvm.guest.desktop.wanted import Filter, LocatorStep, Wanted, same


def unread(window: Control, steps: Sequence[LocatorStep], names: Iterable[str] = ()) -> tuple[Control, ...]:
    """Controls of which not all was read, and in which there may be more of what the steps lead to.

    :param names: of items that were looked for wherever they are.
    """
    lacking = [part for part in (window, *window.walk()) if part.partial or part.unread]
    controls, found = [window], dict[int, Control]()
    for number, step in enumerate(steps if lacking else ()):
        deeper = any(isinstance(later, Wanted) for later in steps[number + 1 :])
        chosen = step.of(controls)
        for part in lacking:
            if isinstance(step, Wanted):
                hides = _is_in(part, controls) and _may_hold(part, step, set(names), deeper)
            else:
                hides = _may_have_text(part, step, [each for each in controls if each not in chosen])
            if hides:
                found[id(part)] = part
        controls = chosen
    return tuple(found.values())


def _is_in(part: Control, controls: Iterable[Control]) -> bool:
    """Whether it is one of these or in one; items are drawn by the control whose handle they have."""
    return any(
        part is each or (each.item and each.handle == part.handle) or any(part is inner for inner in each.walk())
        for each in controls
    )


def _may_hold(part: Control, step: Wanted, names: set[str], deeper: bool) -> bool:
    """:param deeper: whether what is looked for is in what this step leads to."""
    kind = item_type(part)
    if kind:
        is_other = step.automation_id or step.class_name or not same(step.control_type, kind)
        if is_other or (deeper and kind != "TreeItem"):  # of items only those of trees have something in them
            return False
    if part.unread or step.name not in names:
        return True
    return sum(each.name == step.name for each in part.walk()) >= MOST_FOUND


def _may_have_text(part: Control, step: LocatorStep, others: Iterable[Control]) -> bool:
    return isinstance(step, Filter) and step.has_text is not None and _is_in(part, [e for e in others if not e.item])
