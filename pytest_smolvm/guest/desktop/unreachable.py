"""Why windows cannot be reached, as errors of their own.

NoDesktop
├── NotLoggedOn                  nobody is logged on at the screen
├── DesktopLocked                the screen is locked
├── ConsentPrompt                the screen asks for consent, or for an administrator's password
└── HigherIntegrity              a window is of a program with more rights
TimedOut
└── ProviderHung                 a program's provider for UI Automation does not answer

A PowerShell that ended while it was asked is ResidentLost, as everywhere.
"""

from __future__ import annotations

from pytest_smolvm.errors import NoDesktop, TimedOut

__all__ = ["ConsentPrompt", "DesktopLocked", "HigherIntegrity", "NotLoggedOn", "ProviderHung"]


class NotLoggedOn(NoDesktop):
    """Nobody is logged on at the guest's screen."""


class DesktopLocked(NoDesktop):
    """The guest's screen is locked, or shows another desktop for another reason, as a screen saver does."""


class ConsentPrompt(NoDesktop):
    """The guest's screen asks for consent (UAC), which hides all windows."""


class HigherIntegrity(NoDesktop):
    """A window is of a program with more rights than PowerShell has: Windows keeps messages and input from it."""


class ProviderHung(TimedOut):
    """What a program says of its controls to UI Automation did not come in time, though the program itself may run."""
