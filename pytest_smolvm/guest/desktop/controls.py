"""Windows and controls as they were at one moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pytest_smolvm.guest.screen.region import Region

_VALUED = ("Edit", "Document", "ComboBox", "List", "Tree")
"""What holds something that a person has entered or chosen. Its name is that of the label before it."""
_CHOICES = ("ComboBox", "List", "Tree", "Tab")
"""What holds something of which one is chosen."""
_IS: dict[int, bool | None] = {0: False, 1: True}
_ITEMS = {"Tree": "TreeItem", "Tab": "TabItem"}
"""What items of such a control are; others are of type ListItem."""
_ITEM = "ListItem"
MOST_FOUND = 20
"""How many items of one name are found at most in a control of which only some are read (`Items.Most`)."""
_NO_ID = 0xFFFF  # what resources of dialogs call IDC_STATIC
_LONGEST = 200  # characters of a text that are shown in a tree


@dataclass(frozen=True)
class TopWindow:
    """A window of the desktop."""

    handle: int
    title: str
    class_name: str
    process: int
    """Its process id."""
    ancestors: tuple[int, ...]
    """The processes that this comes from, nearest first; empty where controls were asked for, too."""
    program: str
    """The file name of its program; empty if that cannot be known."""
    rectangle: Region

    @classmethod
    def seen(cls, record: Mapping[str, Any]) -> Self:
        """One of the library's answer."""
        ancestors = tuple(map(int, record["ancestors"].split()))
        told = (record["handle"], record["title"], record["class_name"], record["process"])
        return cls(*told, ancestors, record["program"], _place(record))

    def __str__(self) -> str:
        return f"{_quoted(self.title)} [class={self.class_name}, process={self.process} {self.program}]"


@dataclass(frozen=True)
class Control:
    """A control as it was at one moment: a part of a window, or the window."""

    handle: int
    control_type: str
    """UI Automation's word: Button, CheckBox, ComboBox, Edit, Group, List, Text, Window and so on; Pane if unknown."""
    name: str
    """What is written on it, without the mark of its key; of what has a value, the label before it."""
    automation_id: str
    """The number that its program has given it; empty if none."""
    class_name: str
    text: str | None
    """What it says its text is; None if it is for a password."""
    rectangle: Region
    """In pixels of the screen."""
    enabled: bool
    """Whether it and all that it is in take part."""
    checked: bool | None
    """Of check boxes and radio buttons; None of others, and of a check box that is neither."""
    focused: bool
    """Whether keys go to it."""
    editable: bool
    """Whether it is an edit control that can be written to."""
    children: tuple[Control, ...] = field(default=(), repr=False)
    item: int = 0
    """Which item it is, of the control that draws it and has this handle; 0 if it is none."""
    selected: bool | None = None
    """Of items; None of others."""
    expanded: bool | None = None
    """Of combo boxes, and of items of a tree that have others in them; None of others."""
    cells: tuple[str, ...] = ()
    """The texts of further columns, of an item of a list."""
    item_count: int | None = None
    """How many items it has, also those in collapsed ones; None if it is of a kind that has none."""
    partial: bool = False
    """Whether not all of its items that a person could scroll to are among its children."""
    unread: str = ""
    """Why its items could not be read."""
    runtime_id: str = ""
    """What UI Automation calls it, if that is how it is seen: its window, whose handle this is, draws it."""

    @property
    def visible(self) -> bool:
        """Whether it is in view: it takes room, and of what scrolls it is where it can be seen."""
        return self.rectangle.width > 0 and self.rectangle.height > 0

    @property
    def key(self) -> tuple[int, int | str]:
        """What no other control has at the same moment."""
        return self.handle, self.runtime_id or self.item

    @property
    def has_label(self) -> bool:
        """Whether its name is that of the label before it, rather than what is written on it."""
        return self.control_type in _VALUED

    @property
    def value(self) -> str | None:
        """What was entered or chosen; None of what has no value, and of passwords."""
        return self.text if self.has_label else None

    @property
    def lack(self) -> str:
        """It in words, and what was not read of it; empty if all was."""
        itself = f"{self.control_type} {_quoted(self.name)}"
        if self.unread:
            return f"{itself} ({self.unread})"
        return f"{itself} ({self.item_count} items, some of which were read)" if self.partial else ""

    def walk(self) -> Iterator[Control]:
        """All that is in it, however deep, in the order of the window."""
        for child in self.children:
            yield child
            yield from child.walk()

    def __str__(self) -> str:
        """It and what is in it, a line each, as YAML."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        marks = [f"id={self.automation_id}"] if self.automation_id else []
        marks += [f"class={self.class_name}"] if self.control_type in ("Window", "Pane") else []
        marks += [word for word in ("disabled",) if not self.enabled] + ["focused"] * self.focused
        marks += [] if self.checked is None else ["checked" if self.checked else "unchecked"]
        marks += ["selected"] * bool(self.selected)
        marks += [] if self.expanded is None else ["expanded" if self.expanded else "collapsed"]
        marks += [f"items={self.item_count}"] if self.partial else []
        marks += [f"unread: {self.unread}"] if self.unread else []
        shown = f" [{', '.join(marks)}]" if marks else ""
        values = self.cells if self.value is None else [self.value]
        value = f": {', '.join(map(_quoted, values))}" if values else ""
        yield f"- {self.control_type} {_quoted(self.name)}{shown}{value}"
        for child in self.children:
            for line in child._lines():
                yield f"  {line}"


def tree(records: Sequence[Mapping[str, Any]]) -> Control | None:
    """A window of the library's answer with all that is in it; None if it was not there.

    :param records: the window first, then its controls, each with the handle of the one that it is in.
    """
    if not records:
        return None
    return _control(records[0], None, True, _by_parent(records[1:]))


def item_type(control: Control) -> str:
    """Of what type its items are, if it is a window that draws such and nothing else; empty if not."""
    is_such = control.control_type in _CHOICES and not control.runtime_id
    return _ITEMS.get(control.control_type, _ITEM) if is_such else ""


def _by_parent(records: Sequence[Mapping[str, Any]]) -> Mapping[int, Sequence[Mapping[str, Any]]]:
    inside: dict[int, list[Mapping[str, Any]]] = {}
    for record in records:
        inside.setdefault(record["parent"], []).append(record)
    return inside


def _control(
    record: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    enabled: bool,
    inside: Mapping[int, Sequence[Mapping[str, Any]]],
) -> Control:
    """:param before: the control before it, which may be its label."""
    enabled = enabled and record["enabled"]
    within = inside.get(record["handle"], ())
    children = [_control(each, last, enabled, inside) for each, last in zip(within, (None, *within), strict=False)]
    children = [*_elements(record, enabled), *children, *_items(record, enabled)]
    if "own" in record:
        own = _element(record["handle"], record["own"], enabled, tuple(children))
        return replace(own, unread=record.get("unknown", ""))
    return Control(
        handle=record["handle"],
        control_type=record["control_type"],
        name=_name(record, before),
        automation_id=record.get("automation_id") or (str(record["id"]) if 0 < record["id"] < _NO_ID else ""),
        class_name=record["class_name"],
        text=record["text"],
        rectangle=_place(record),
        enabled=enabled,
        checked=_IS.get(record["checked"]),
        focused=record["focused"],
        editable=record["editable"],
        children=tuple(children),
        expanded=_IS.get(record.get("expanded", -1)),
        item_count=record.get("items"),
        partial=record.get("partial", False),
        unread=record.get("unread", "") or record.get("unknown", ""),
    )


def _elements(record: Mapping[str, Any], enabled: bool) -> tuple[Control, ...]:
    """What a window draws itself, as UI Automation tells of it."""
    inside = _by_parent(record.get("elements", ()))

    def elements(parent: int) -> tuple[Control, ...]:
        there = inside.get(parent, ())
        return tuple(_element(record["handle"], each, enabled, elements(each["number"])) for each in there)

    return elements(0)


def _element(handle: int, told: Mapping[str, Any], enabled: bool, children: tuple[Control, ...]) -> Control:
    kind = told["control_type"]
    text = told["text"]
    if text is None and not told["secret"]:
        text = _chosen(children) if kind in _CHOICES else None if kind in _VALUED else told["name"]
    return Control(
        handle=handle,
        control_type=kind,
        name=told["name"],
        automation_id=told["automation_id"],
        class_name=told["class_name"],
        text=text,
        rectangle=_place(told),
        enabled=enabled and told["enabled"],
        checked=_IS.get(told["checked"]),
        focused=told["focused"],
        editable=told["editable"],
        children=children,
        selected=_IS.get(told["selected"]),
        expanded=_IS.get(told["expanded"]),
        runtime_id=told["runtime_id"],
    )


def _chosen(items: Sequence[Control]) -> str:
    """The name of the first that is selected; empty if none is."""
    return next((each.name for item in items for each in (item, *item.walk()) if each.selected), "")


def _items(record: Mapping[str, Any], enabled: bool) -> list[Control]:
    """Those that a control draws. One whose own is not among them, as in a long tree, comes without it."""
    inside: dict[int, list[Mapping[str, Any]]] = {}
    there = {each["item"] for each in record.get("inside", ())}
    for each in record.get("inside", ()):
        inside.setdefault(each["parent"] if each["parent"] in there else 0, []).append(each)

    def items(parent: int) -> list[Control]:
        return [item(each, tuple(items(each["item"]))) for each in inside.get(parent, ())]

    def item(each: Mapping[str, Any], children: tuple[Control, ...]) -> Control:
        kind = _ITEMS.get(record["control_type"], _ITEM)
        return Control(
            handle=record["handle"],
            control_type=kind,
            name=_unmarked(each["text"]) if kind == "TabItem" else each["text"],
            automation_id="",
            class_name="",
            text=each["text"],
            rectangle=_place(each),
            enabled=enabled,
            checked=_IS.get(each["checked"]),
            focused=False,
            editable=False,
            children=children,
            item=each["item"],
            selected=each["selected"],
            expanded=_IS.get(each["expanded"]),
            cells=tuple(each["cells"]),
        )

    return items(0)


def _name(record: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    if record["control_type"] == "Window":
        return str(record["text"])
    if record["control_type"] not in _VALUED:
        return _unmarked(record["text"])
    return _unmarked(before["text"]) if before and before["control_type"] == "Text" else ""


def _unmarked(caption: str) -> str:
    """Without the ampersand before the letter of its key; two of them stand for one."""
    return caption.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _place(record: Mapping[str, Any]) -> Region:
    return Region(record["left"], record["top"], record["width"], record["height"])


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= _LONGEST else text[:_LONGEST] + "...", ensure_ascii=False)
