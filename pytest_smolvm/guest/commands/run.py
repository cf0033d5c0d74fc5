"""The one way to run a script in a guest and to have what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_smolvm.errors import CommandTimedOut, TimedOut, UsageError
from pytest_smolvm.guest.commands.output import Catch, OnLine, RunResult, shortened
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.shells import Cmd, NewPowerShell, Script, Shell, Transport
from pytest_smolvm.guest.names import ENGLISH_CODE_PAGE
from pytest_smolvm.host.clock import now


def run(
    transport: Transport,
    script: str,
    *,
    shell: str = "powershell",
    resident: Shell | None = None,
    args: Sequence[Argument] = (),
    stdin: bytes = b"",
    timeout: float | None = None,
) -> RunResult:
    """Run `script` over a connection; see :class:`Script` for what is not told here.

    :param shell: ``powershell``, or ``cmd`` for one cmd.exe command line.
    :param resident: what runs PowerShell; None means a new process.
    :param timeout: seconds; then the command and its children are ended.
    :raises CommandTimedOut: with what was printed until then.
    :raises UsageError: the shell is unknown, or the line is none that cmd.exe takes.
    """
    wanted = Script(script, args, stdin, timeout)
    return carried_out(chosen(transport, shell, resident), wanted, code_page=transport.code_page)


def chosen(transport: Transport, shell: str, resident: Shell | None = None) -> Shell:
    """The shell of that name.

    :param shell: ``powershell`` or ``cmd``.
    :param resident: what runs PowerShell; None means a new process.
    :raises UsageError: it is another.
    """
    if shell not in ("powershell", "cmd"):
        raise UsageError(f"shell={shell!r} is not one of powershell, cmd")
    return Cmd(transport) if shell == "cmd" else resident or NewPowerShell(transport)


def carried_out(
    shell: Shell,
    script: Script,
    on_output: OnLine | None = None,
    max_output: int | None = None,
    code_page: str = ENGLISH_CODE_PAGE,
) -> RunResult:
    """Run a script in a shell.

    :param on_output: called with every line of both streams while the script runs.
    :param max_output: bytes of both streams together; more ends the command.
    :param code_page: what the guest's programs print that know no UTF-8.
    :raises CommandTimedOut: with what was printed until then.
    :raises OutputLimitExceeded: likewise.
    """
    catch = Catch(shortened(script.text), on_output, max_output, code_page)
    started = now()
    try:
        code = shell.run(script, catch.sinks)
    except CommandTimedOut:
        raise
    except TimedOut as exc:
        catch.cut()
        raise CommandTimedOut(catch.command, script.timeout or 0, catch.stdout.text, catch.stderr.text) from exc
    catch.finish()
    return RunResult(catch.stdout, catch.stderr, code, now() - started, catch.command)
