"""An automatic logon at the screen, for a guest that is about to be frozen and where nobody is logged on."""

from __future__ import annotations

from pytest_smolvm.errors import NoDesktop, TimedOut
from pytest_smolvm.guest.desktop import library, session, source
from pytest_smolvm.guest.desktop.library import RunInResident
from pytest_smolvm.guest.desktop.unreachable import NotLoggedOn
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.waiting import until

SECONDS = stretched(300.0)
"""How long somebody is waited for: the first logon of an account makes its profile."""
_SCRIPT_SECONDS = stretched(60.0)
_LOOK_SECONDS = 1.0
_SHOWN = 500  # characters of what Windows says


def is_wanting(run: RunInResident) -> bool:
    """Whether nobody is logged on at the screen, nor will be without our doing.

    :param run: runs scripts in the guest's ordinary resident, which is where windows are not seen.
    """
    place = session.look(run)
    return not place.here and place.user == "" and not place.automatic


def is_ending(run: RunInResident) -> bool:
    """Whether the user that commands run as is logged on at the screen, and will not be after a restart."""
    place = session.look(run)
    return not place.here and not place.automatic and place.is_ours


def arrange(run: RunInResident, password: Secret) -> str:
    """Have Windows log the user that commands run as on when it starts.

    :param password: his; the LSA keeps it as a secret, and it is in no command line.
    :returns: what :func:`forget` takes.
    :raises NoDesktop: Windows does not have it, as where he is no administrator.
    """
    with unseen():
        return _told(run, "", stdin=password.encode() + b"\n")


def forget(run: RunInResident, before: str) -> None:
    """Have it do so no more; who is logged on stays so.

    :param before: what :func:`arrange` returned.
    :raises NoDesktop: that cannot be taken back.
    """
    _told(run, before, back=True)


def wait(run: RunInResident, seconds: float = SECONDS) -> None:
    """Wait until somebody is logged on at the screen.

    :raises NotLoggedOn: nobody was in time.
    """

    def there() -> bool:
        place = session.look(run)
        return place.here or bool(place.user)

    try:
        until("a user who is logged on", there, timeout=seconds, interval=_LOOK_SECONDS)
    except TimedOut:
        raise NotLoggedOn(
            f"nobody is logged on at the guest's screen {seconds:g} s after a restart, as Windows is to do by itself"
            " (AutoAdminLogon): a notice that wants to be agreed to, or a policy, may be in its way"
        ) from None


def _told(run: RunInResident, before: str, *, back: bool = False, stdin: bytes = b"") -> str:
    said = run(library.script("logon"), [source.name(), before, back], stdin=stdin, timeout=_SCRIPT_SECONDS)
    if said.exit_code:
        what = "taken back" if back else "set up"
        raise NoDesktop(f"an automatic logon cannot be {what} in the guest: {said.stderr.strip()[-_SHOWN:]}")
    return said.stdout
