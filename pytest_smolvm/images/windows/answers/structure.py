"""The form of an answer file.

Whether every element stands where this package's table has it, once, with such a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pytest_smolvm.errors import AnswerFileError
from pytest_smolvm.images.windows.answers import schema

_TABLE = "is not in this package's table of settings"
_ACTION = f"{{{schema.WCM}}}action"
_ENCODING = re.compile(r"<\?xml[^>]*encoding=[\"']([^\"']*)")


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: str | None) -> None:
        # Setup takes none; and an entity declared in one could stand for any text.
        raise AnswerFileError("the answer file has a DOCTYPE, which Setup does not take")


def parse(text: str) -> Element:
    """The root of an answer file whose form has been checked; its tags are without their name space.

    :raises AnswerFileError: the first thing that is not as this package's table has it. Values, which may be
        passwords, are in no message.
    """
    if text.startswith("\ufeff"):
        raise AnswerFileError("the answer file begins with a byte-order mark; Setup would ignore the file")
    encoding = _ENCODING.match(text)
    if encoding and encoding.group(1).lower() != "utf-8":
        raise AnswerFileError(
            f"the answer file says that its encoding is {encoding.group(1)!r}; it is written in UTF-8"
        )
    try:
        root = ElementTree.fromstring(text, ElementTree.XMLParser(target=_Builder()))
    except ElementTree.ParseError as exc:
        raise AnswerFileError(f"the answer file is not well-formed XML: {exc}") from exc
    _strip_names(root)
    if root.tag != "unattend":
        raise AnswerFileError(f"the answer file's root is {root.tag!r}")
    _check_once("the answer file:", [_pass(settings) for settings in root])
    for settings in root:
        _check_settings(settings)
    return root


def components(root: Element) -> Iterator[tuple[str, str, Element]]:
    """Pass, name and element of every component."""
    for settings in root:
        for component in settings:
            yield settings.get("pass", ""), component.get("name", ""), component


def leaves(element: Element, above: str = "") -> Iterator[tuple[str, str]]:
    """Settings below `element`: path and value."""
    for child in element:
        if len(child):
            yield from leaves(child, f"{above}{child.tag}/")
        else:
            yield above + child.tag, child.text or ""


def _strip_names(root: Element) -> None:
    for element in root.iter():
        space, _, tag = element.tag.rpartition("}")
        if space != "{" + schema.NAMESPACE:
            raise AnswerFileError(f"element {tag!r} is not in the name space of answer files")
        element.tag = tag


def _pass(settings: Element) -> str:
    if settings.tag != "settings":
        raise AnswerFileError(f"element {settings.tag!r} {_TABLE}")
    return f"pass {settings.get('pass', '')!r}"


def _check_settings(settings: Element) -> None:
    _check_attributes(_pass(settings), settings, {"pass"})
    _check_words(_pass(settings), settings)
    _check_once(_pass(settings), [f"component {component.get('name')!r}" for component in settings])
    for component in settings:
        _check_component(settings.get("pass", ""), component)


def _check_component(where: str, component: Element) -> None:
    name = component.get("name", "")
    title = f"component {name!r} for the pass {where!r}"
    rows = schema.SETTINGS.get((where, name))
    if rows is None or component.tag != "component":
        raise AnswerFileError(f"{title} {_TABLE}")
    for attribute, value in schema.IDENTITY.items():
        if component.get(attribute) != value:
            raise AnswerFileError(f"{title}: this package writes {attribute}={value!r} only")
    _check_attributes(title, component, {"name", *schema.IDENTITY})
    _check_tree(f"{name} in pass {where}:", component, "", rows)


def _check_tree(title: str, element: Element, above: str, rows: dict[str, str]) -> None:
    _check_words(f"{title} {above}", element)
    _check_once(title, [above + child.tag for child in element if child.tag not in schema.LISTED])
    for child in element:
        path = above + child.tag
        _check_action(f"{title} {path}", child)
        if path in rows:
            _check_value(f"{title} {path}", child, rows[path])
        elif not any(row.startswith(f"{path}/") for row in rows):
            raise AnswerFileError(f"{title} {path} {_TABLE}")
        elif not len(child):
            raise AnswerFileError(f"{title} {path} should hold settings and is empty")
        else:
            _check_tree(title, child, f"{path}/", rows)


def _check_value(title: str, element: Element, form: str) -> None:
    if len(element):
        raise AnswerFileError(f"{title} should hold a value and holds settings")
    if not re.fullmatch(form, element.text or ""):
        raise AnswerFileError(f"{title} has a value that this package's table does not have")


def _check_action(title: str, element: Element) -> None:
    listed = element.tag in schema.LISTED
    if listed and element.get(_ACTION) != "add":
        raise AnswerFileError(f'{title} repeats and needs wcm:action="add", or Setup ignores the file')
    _check_attributes(title, element, {_ACTION} if listed else set())


def _check_attributes(title: str, element: Element, known: set[str]) -> None:
    for attribute in sorted(set(element.keys()) - known):
        raise AnswerFileError(f"{title}: attribute {attribute.rpartition('}')[2]!r} {_TABLE}")


def _check_words(title: str, element: Element) -> None:
    if any((words or "").strip() for words in (element.text, *(child.tail for child in element))):
        raise AnswerFileError(f"{title} has words between its settings")


def _check_once(title: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise AnswerFileError(f"{title} {name} stands there twice")
