"""The guest object: a disposable Windows computer, as a test holds it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from pytest_smolvm import commands, environment, files
from pytest_smolvm.commands import RunResult
from pytest_smolvm.errors import GuestUnreachable, UsageError
from pytest_smolvm.library import default_pool, default_spec
from pytest_smolvm.pool import Guest, Pool
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.ssh import Ssh, connect
