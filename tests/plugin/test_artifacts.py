"""What is kept of guests, without any: directories end as guests' run directories do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.plugin.stand_in import AGAIN, CONFTEST


def kept(pytester: pytest.Pytester, keep: str, tests: str, conftest: str = "") -> dict[str, str]:
    """What a run of these tests keeps: the directories' names and what is noted in them."""
    store = pytester.path / "store"
    pytester.makeconftest(CONFTEST + conftest)
    pytester.makepyfile(test_it=tests)
    result = pytester.runpytest_subprocess(f"--smolvm-keep={keep}", f"--smolvm-store={store}")
    found = {path.name: (path / "note").read_text() for path in (store / "kept").glob("*")}
    said = [line.partition(": kept the guest's disk and logs: ")[2] for line in result.errlines]
    assert {str(store / "kept" / name) for name in found} == set(filter(None, said))
    assert [] == list((store / "runs").glob("*"))
    return found


def frozen(pytester: pytest.Pytester) -> list[str]:
    """Whose guests were kept running, and what was noted in them."""
    names = pytester.path / "frozen"
    return sorted(names.read_text().splitlines()) if names.exists() else []


@pytest.mark.parametrize(("keep", "expected"), [("never", []), ("failed", ["bad"]), ("always", ["bad", "good"])])
def test_of_whom(pytester: pytest.Pytester, keep: str, expected: list[str]) -> None:
    found = kept(pytester, keep, "def test_good(guest): pass\ndef test_bad(guest): assert False\n")

    assert [f"test_it.py-test_{name}" for name in expected] == sorted(found)


@pytest.mark.parametrize("arguments", ["guest, checked_after", "checked_after, guest", "guest, checked_before"])
def test_a_fixture_that_fails_fails_the_test(pytester: pytest.Pytester, arguments: str) -> None:
    """Before the guest is there, while it is, or after it has ended."""
    assert ["test_it.py-test"] == list(kept(pytester, "failed", f"def test({arguments}): pass\n"))


def test_a_guest_that_a_failed_test_shared(pytester: pytest.Pytester) -> None:
    """Whoever used it before or after has no part in that."""
    tests = "def test_one(shared): assert False\ndef test_two(shared, guest): pass\n"

    assert ["test_it.py"] == list(kept(pytester, "failed", tests))


def test_everybodys_guest_has_a_name(pytester: pytest.Pytester) -> None:
    assert ["everybodys"] == list(kept(pytester, "failed", "def test(everybodys): assert False\n"))


@pytest.mark.parametrize(("keep", "expected"), [("never", []), ("failed", ["bad"]), ("always", ["bad", "good"])])
def test_who_is_kept_running(pytester: pytest.Pytester, keep: str, expected: list[str]) -> None:
    kept(pytester, keep, "def test_good(guest): pass\ndef test_bad(guest): assert False\n")

    assert [f"test_it.py-test_{name}=" for name in expected] == frozen(pytester)


def test_guests_of_one_test_have_names_of_their_own(pytester: pytest.Pytester) -> None:
    """Or the second would be kept in the place of the first."""
    kept(pytester, "failed", "def test(guest, factory):\n    factory()\n    factory(2)\n    assert False\n")

    assert [f"test_it.py-test{number}=" for number in ("-2", "-3", "-4", "")] == frozen(pytester)


def test_what_a_failed_test_left_is_kept_running_before_it_is_reverted(pytester: pytest.Pytester) -> None:
    tests = (
        "def test_one(shared): shared.note = 'broken'; assert False\n"
        "def test_two(shared): shared.again(); shared.note = 'fine'\n"
    )
    kept(pytester, "failed", tests)

    assert ["test_it.py=broken"] == frozen(pytester)


def test_one_that_cannot_be_kept_running_is_no_error(pytester: pytest.Pytester) -> None:
    found = kept(pytester, "failed", "def test(guest): guest.note = 'gone'; assert False\n")

    assert {"test_it.py-test": "gone"} == found
    assert [] == frozen(pytester)


def test_a_neighbour_without_a_guest_is_nobodys_failure(pytester: pytest.Pytester) -> None:
    tests = "def test_one(shared): pass\ndef test_two(): assert False\ndef test_three(shared): pass\n"

    assert {} == kept(pytester, "failed", tests)


def test_each_attempt_has_its_own(pytester: pytest.Pytester) -> None:
    """The guest of the first stays; that of the second, which passes, goes."""
    tests = "seen = []\ndef test(guest):\n    seen.append(1); guest.note = str(len(seen)); assert len(seen) == 2\n"

    assert {"test_it.py-test": "1"} == kept(pytester, "failed", tests, AGAIN)


def test_what_a_failed_test_left_is_kept_before_it_is_reverted(pytester: pytest.Pytester) -> None:
    tests = (
        "def test_one(shared): shared.note = 'broken'; assert False\n"
        "def test_two(shared): shared.again(); shared.note = 'fine'\n"
    )

    assert {"test_it.py": "broken"} == kept(pytester, "failed", tests)


def test_two_of_one_name(pytester: pytest.Pytester) -> None:
    tests = "import pytest\n@pytest.mark.parametrize('x', ['a/b', 'a b'])\ndef test(guest, x): assert False\n"

    found = kept(pytester, "failed", tests)

    assert sorted(found) == ["test_it.py-test-a-b", "test_it.py-test-a-b.1"]


def test_a_run_that_ends_at_its_first_failure(pytester: pytest.Pytester) -> None:
    """Shared guests then end after the last report."""
    store = pytester.path / "store"
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it="def test_one(shared): assert False\ndef test_two(shared): pass\n")

    result = pytester.runpytest_subprocess("-x", "--smolvm-keep=failed", f"--smolvm-store={store}")

    result.assert_outcomes(failed=1)
    assert ["test_it.py"] == [path.name for path in Path(store, "kept").iterdir()]
    assert re.search(r"kept the guest's disk and logs: \S+/kept/test_it.py$", result.stderr.str(), re.MULTILINE)


def test_a_failed_test_tells_what_its_guest_was_refused(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_it="def test_good(guest): guest.refused += ['tcp 10.9.9.9:1: refused, no']\n"
        "def test_bad(guest):\n    guest.refused += [f'tcp 10.1.2.3:{port}: refused, no' for port in range(1, 33)]\n    assert False\n"
    )
    result = pytester.runpytest_subprocess(f"--smolvm-store={pytester.path / 'store'}")

    result.stdout.fnmatch_lines(
        [
            "*smolvm: what a guest was refused to reach*",
            "tcp 10.1.2.3:1: refused, no",
            "tcp 10.1.2.3:30: refused, no",
            "and 2 more",
        ]
    )
    result.stdout.no_fnmatch_line("*10.9.9.9*")
