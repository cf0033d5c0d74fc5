"""Suites for pytester, whose guests are directories."""

from __future__ import annotations

# A guest that is a directory, by fixtures that keep it as windows_vm and windows_vm_module do.
CONFTEST = """
from contextlib import contextmanager
from pathlib import Path
import pytest
from pytest_smolvm import GuestDied, GuestSpec, windows_layer

@windows_layer()
def app(vm):
    pass

class Screen:
    dead = ""
    def save(self, path, timeout):
        if self.dead:
            raise GuestDied(self.dead)
        path.write_bytes(b"PNG")

class Guest:
    def __init__(self, store):
        self.store, self.place, self.note, self.refused = store, None, "", []
        secrets = {"ssh_password": "hunter22", "env_vars": {"API_TOKEN": "t0ken"}}
        self.spec = GuestSpec(image=Path("x.qcow2"), layer=app, **secrets)
        self.screen, self.history, self.logs = Screen(), "> login hunter22 t0ken", ()
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
def guest_of(suite, request):
    with suite.artifacts.of(request.node, request.fixturename) as evidence:
        guest = Guest(suite.store)
        suite.artifacts.hold(evidence, [guest])
        try:
            with suite.artifacts.kept_running(evidence, [guest]), suite.results.last_look(evidence, [guest]):
                yield guest, evidence
        finally:
            guest.end()

@pytest.fixture
def guest(_smolvm, request):
    with guest_of(_smolvm, request) as (guest, _):
        yield guest

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
