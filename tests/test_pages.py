"""Pages say what the code says: the floors, the examples, the public names, the errors. Links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_smolvm
from pytest_smolvm import errors
from pytest_smolvm.guest.desktop import unreachable
from scripts.pages import pages

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_what_the_code_says(page: Path) -> None:
    """Where it does not: ``python -m scripts.pages``."""
    assert pages()[page] == page.read_text(encoding="utf-8")


def test_troubleshooting_has_a_heading_for_every_error_and_for_nothing_else() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

    assert sorted([*errors.__all__, *unreachable.__all__]) == sorted(re.findall(r"^## (.*)$", page, re.MULTILINE))


def test_the_page_of_public_names_has_all_of_them() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    public = set(pytest_smolvm.__all__) - set(errors.__all__) - set(unreachable.__all__)

    assert {*public, "SmolVMError"} == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in _anchors(target))):
            broken.append(link)

    assert [] == broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_are_written_with_their_equals_sign(page: Path) -> None:
    """pytest takes a separate value of an option it does not know yet for a path, and loses the project's ini file."""
    assert [] == re.findall(r"--smolvm-[a-z-]+ +[\w./]+\S*", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of headings: small letters, words joined by hyphens, no punctuation."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(page.read_text(encoding="utf-8"))
    }
