"""Lines of ours on a terminal that pytest writes to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NOISY = """
import threading

def test_captured(_smolvm, {capture}):
    thread = threading.Thread(target=lambda: [_smolvm.say(f"line {{n}}") for n in range(300)])
    thread.start()
    for n in range(300):
        print("of the test", flush=True)
    thread.join()
    assert {capture}.readouterr() == ("of the test\\n" * 300, "")
"""


@pytest.mark.parametrize("way", ["runpytest_subprocess", "runpytest_inprocess"])
@pytest.mark.parametrize(
    ("capture", "options", "name"),
    [("capsys", "", "smolvm"), ("capfd", "-s", "smolvm"), ("capfd", "-n1", "smolvm [gw0]")],
)
def test_lines_of_ours_and_captured_output_do_not_meet(
    pytester: pytest.Pytester, way: str, capture: str, options: str, name: str
) -> None:
    pytester.makepyfile(NOISY.format(capture=capture))

    result = getattr(pytester, way)(*options.split())

    result.assert_outcomes(passed=1)
    if (
        options != "-n1" or way == "runpytest_subprocess"
    ):  # else the worker has the stream that this test's pytest captures
        assert [f"{name}: line {n}" for n in range(300)] == [line for line in result.errlines if line]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], ["test_lines*.py .", "smolvm: one", "smolvm: two", "smolvm: three", ".*[[]100%[]]"]),
        (
            ["-v"],
            [
                "*::test_one PASSED*[[] 50%[]]",
                "*::test_two ",
                "smolvm: one",
                "smolvm: two",
                "smolvm: three",
                "PASSED*[[]100%[]]",
            ],
        ),
    ],
)
def test_lines_of_ours_are_lines_of_their_own(pytester: pytest.Pytester, options: list[str], lines: list[str]) -> None:
    pytester.makepyfile(
        test_lines="def test_one(): pass\ndef test_two(_smolvm):\n    for word in ('one', 'two', 'three'): _smolvm.say(word)\n"
    )

    # The command of a terminal: both streams in one.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)

    pytest.LineMatcher(run.stdout.splitlines()).fnmatch_lines(lines, consecutive=True)


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("ascii", r"gr\xfcn \u65e5 \ud800"), ("latin-1", r"grün \u65e5 \ud800"), ("utf-8", r"grün 日 \ud800")],
)
def test_what_a_terminal_has_no_letters_for_is_escaped(encoding: str, seen: str) -> None:
    program = "from pytest_smolvm.plugin.console import show; show('gr\\xfcn \\u65e5 \\ud800'); show('on')"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    shown = subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, check=True).stdout

    assert f"{seen}\non\n" == shown.decode(encoding)


def test_a_terminal_that_has_gone_is_no_failure() -> None:
    program = "import os; from pytest_smolvm.plugin.console import show; show('x' * 100_000); os._exit(0)"
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as gone:
        assert 0 == subprocess.run([sys.executable, "-c", program], stdout=gone, check=False).returncode
