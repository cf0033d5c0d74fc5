"""Windows' SSH server, as far as it must be told of what has changed."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_smolvm.errors import GuestUnreachable, ServiceError
from pytest_smolvm.guest.commands import powershell, run
from pytest_smolvm.guest.link.channels import ANSWER_SECONDS
from pytest_smolvm.guest.link.ssh import Ssh

# By a program outside of the session's job: if the session ended with the service, nobody would start that again.
_RESTART = r"""
$ErrorActionPreference = 'Stop'
$Native = New-Native ($Starting + @('WaitForSingleObject', 'GetExitCodeProcess'))
$nul = Open-Inherited 'NUL' -1073741824 3
$line = 'powershell.exe -NoProfile -NonInteractive -Command "Restart-Service -Name sshd -Force -ErrorAction Stop"'
$information = Start-Program $line '' @($nul, $nul, $nul) 0
$process = [IntPtr] [BitConverter]::ToInt64($information, 0)
$code = [byte[]]::new(4)
$null = $Native::WaitForSingleObject($process, 60000)
$null = $Native::GetExitCodeProcess($process, $code)
$number = [BitConverter]::ToInt32($code, 0)
if ($number) { throw "Restart-Service -Name sshd ended with exit code $number" }
"""


def keeps(ssh: Ssh, machine_variables: Mapping[str, str]) -> bool:
    """Whether the server gives new connections what variables of the machine were when it was started.

    Since 8.9 it puts the registry's on top of its own (before, only the user's), and takes none away.

    :param machine_variables: what was just written; an empty value is one that was deleted.
    """
    return ssh.server.windows and (ssh.server.before(8, 9) or not all(machine_variables.values()))


def restart(ssh: Ssh) -> None:
    """Restart the server, so that new connections see the machine's variables as they are. The one at hand may end.

    :raises ServiceError: that did not go.
    """
    try:
        result = run.run(ssh, powershell.text_of("native") + _RESTART, timeout=ANSWER_SECONDS)
    except GuestUnreachable:
        return  # it did, and ended this connection
    if result.exit_code != 0:
        raise ServiceError(
            f"{ssh.server.banner} gives commands the machine's variables as they were when it was started, and could "
            f"not be restarted: {result.stderr.strip()}; scripts that the resident PowerShell runs see the new ones"
        )
