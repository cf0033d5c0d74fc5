"""Suites for pytester, whose guests are directories."""

from __future__ import annotations

# A guest that is a directory, by fixtures that keep it as windows_vm and windows_vm_module do.
CONFTEST = """
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
import pytest
from pytest_smolvm import GuestDied, GuestSpec, RunResult, windows_layer
from pytest_smolvm.guest.commands.history import History
from pytest_smolvm.guest.commands.values import run_json
from pytest_smolvm.guest.trail import Trail, tells
from pytest_smolvm.machine.rundir import RunDirectory

@windows_layer()
def app(vm):
    pass

@tells("screen", lambda screen: screen.trail, lambda _: "vm.screen", acts=("click", "type"))
class Screen:
    dead = ""
    shade = 0
    def __init__(self, trail):
        self.trail = trail
    def save(self, path, timeout):
        if self.dead:
            raise GuestDied(self.dead)
        path.write_bytes(b"PNG")
    def pixels(self, timeout):
        if self.dead:
            raise GuestDied(self.dead)
        return b"P6\\n4 3\\n255\\n" + bytes([self.shade] * 36)
    def click(self, x, y):
        self.shade = x
    def type(self, text):
        pass

class Shell:
    def __init__(self, guest):
        self.guest = guest
    def run(self, script, sinks):
        sinks.stdout(self.guest.answer())
        return 0

class Guest:
    def __init__(self, store):
        self.store, self.place, self.note, self.refused = store, None, "", []
        secrets = {"ssh_password": "hunter22", "env_vars": {"API_TOKEN": "t0ken"}}
        self.spec = GuestSpec(image=Path("x.qcow2"), layer=app, **secrets)
        self.trail, self.machine = Trail(), None
        self.desktop = SimpleNamespace(failure=None)
        self.screen, self.history, self.logs = Screen(self.trail), History(self.trail), ()
        self.run("login hunter22 t0ken")
    def run(self, script, stdout="", code=0):
        return self.history.of(script, "powershell", lambda: RunResult(stdout, "", code, 0.1, script))
    def run_json(self, script, args=(), timeout=None):
        return run_json(lambda wrapped, given: self.run(wrapped, self.answer().decode()), script, args)
    def answer(self):  # what its PowerShell prints, as json.ps1 does
        return b"\\x1enull"
    @contextmanager
    def _using(self):
        if self.screen.dead:
            raise GuestDied(self.screen.dead)
        yield SimpleNamespace(code_page="cp437")
    @property
    def _shells(self):
        return SimpleNamespace(via=lambda ssh: Shell(self))
    def _running(self):
        if self.machine is None:
            files, display = RunDirectory(Path(mkdtemp(dir=Path.cwd()))), SimpleNamespace(serve=lambda password: 5901)
            self.machine = SimpleNamespace(files=files, display=display, ssh_port=40022, check=lambda: None)
        return SimpleNamespace(machine=self.machine)
    def keep(self, place):
        self.place = place
    def freeze(self, name):
        if self.note == "gone":
            raise GuestDied("somebody killed it")
        with open("frozen", "a") as names:
            print(f"{name}={self.note}", file=names)
    def end(self):
        if self.place is not None:
            self.place.mkdir()
            (self.place / "note").write_text(self.note)
    def revert(self):
        self.end()
        self.place, self.note = None, ""

@contextmanager
def guests_of(suite, request, count):
    with suite.artifacts.of(request.node, request.fixturename) as evidence:
        guests = [Guest(suite.store) for _ in range(count)]
        suite.artifacts.hold(evidence, guests)
        try:
            keeping, looking = suite.artifacts.kept_running(evidence, guests), suite.results.last_look(evidence, guests)
            with keeping, looking, suite.traces.of(evidence, guests):
                yield guests, evidence
        finally:
            for guest in guests:
                guest.end()

@contextmanager
def guest_of(suite, request):
    with guests_of(suite, request, 1) as ((guest,), evidence):
        yield guest, evidence

@pytest.fixture
def guest(_smolvm, request):
    with guest_of(_smolvm, request) as (guest, _):
        yield guest

@pytest.fixture
def factory(_smolvm, request):
    with ExitStack() as stack:
        yield lambda count=1: stack.enter_context(guests_of(_smolvm, request, count))[0]

@pytest.fixture(scope="module")
def shared(_smolvm, request):
    with guest_of(_smolvm, request) as (guest, evidence):
        guest.again = lambda: _smolvm.artifacts.revert(evidence, guest)
        yield guest

@pytest.fixture(scope="session")
def everybodys(_smolvm, request):
    with guest_of(_smolvm, request) as (guest, _):
        yield guest

@pytest.fixture
def checked_before():
    assert False

@pytest.fixture
def checked_after():
    yield
    assert False
"""
# Every test is tried twice if it fails, as pytest-rerunfailures does.
AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
