"""The Python in README and docs runs on a guest."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.host.store import Store
from tests.booted.conftest import MEMORY
from tests.snippets import Snippet, commands, snippets

PYTHON = [snippet for snippet in snippets() if snippet.language == "python"]
SUITES = [snippet for snippet in PYTHON if "def test_" in snippet.text]
(FIRST,) = (snippet for snippet in SUITES if snippet.page == "README.md")
(PROGRAM,) = (snippet for snippet in PYTHON if "with SmolVM(" in snippet.text)
LINES = [snippet for snippet in PYTHON if snippet not in (*SUITES, PROGRAM)]
"""What is said to a guest called vm."""


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nobody wants to read it."""


@pytest.fixture
def fake_server() -> Iterator[ThreadingHTTPServer]:
    """A server of the test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def _there(vm: SmolVM, snippet: Snippet, server: ThreadingHTTPServer) -> Iterator[None]:
    """What a snippet finds in the guest and in the working directory, as its reader would have it."""
    with ExitStack() as stack:
        if "upload_file" in snippet.text:
            Path("setup.exe").write_bytes(b"MZ")
            Path("site").mkdir()
            Path("site", "index.html").write_text("<p>hello")
            vm.write_text(r"C:\ProgramData\App\logs\app.log", "started\n")
        if "forward(8080)" in snippet.text:
            stack.enter_context(vm.expose(server.server_port, guest_port=8080))
        yield


@pytest.mark.parametrize("snippet", LINES, ids=lambda snippet: str(snippet.name))
def test_python_runs_on_a_guest(
    snippet: Snippet,
    windows_vm_module: SmolVM,
    fake_server: ThreadingHTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"vm": windows_vm_module, "tmp_path": tmp_path, "fake_server": fake_server, "urlopen": urlopen}

    with _there(windows_vm_module, snippet, fake_server):
        exec(compile(snippet.text, snippet.page, "exec"), given)  # noqa: S102  # the snippet's own lines


def test_the_first_example_is_a_suite(own_directory: Path) -> None:
    (own_directory / "test_readme.py").write_text(FIRST.text, encoding="utf-8")
    (line,) = (
        line
        for snippet in snippets()
        if snippet.page == FIRST.page and not snippet.language
        for line in commands(snippet)
        if line.startswith("pytest ")
    )

    done = subprocess.run([sys.executable, "-m", *line.split()], capture_output=True, text=True, check=False)

    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite != FIRST], ids=lambda suite: str(suite.page))
def test_other_examples_are_suites(suite: Snippet, own_directory: Path) -> None:
    (own_directory / "test_page.py").write_text(suite.text, encoding="utf-8")

    line = [sys.executable, "-m", "pytest", "test_page.py", "--smolvm-image=win11.qcow2"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)

    assert f"{suite.text.count('def test_')} passed" in done.stdout, done.stdout + done.stderr


def test_the_example_without_pytest_is_a_program(own_directory: Path) -> None:
    (own_directory / "setup.ps1").write_text("Write-Output $env:APP_MODE\n")

    subprocess.run([sys.executable, "-c", PROGRAM.text], check=True)


@pytest.fixture
def own_directory(image: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of somebody whose image is called win11.qcow2, and who uses this run's store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOLVM_HOME", str(store.root))
    monkeypatch.setenv("SMOLVM_MEMORY", str(MEMORY))
    monkeypatch.delenv("SMOLVM_IMAGE", raising=False)
    Path("win11.qcow2").symlink_to(image)
    return tmp_path
