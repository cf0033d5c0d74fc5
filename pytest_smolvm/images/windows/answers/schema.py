"""What this package says to Windows Setup: which element stands in which component and configuration pass.

One row for each setting that `unattend` writes; Microsoft documents many more. The source of all rows is the
"Unattended Windows Setup Reference" (Microsoft Learn, windows-hardware/customize/desktop/unattend): each setting has a
page there named
``<component>-<element>-<element>...`` in small letters, with its "Valid Configuration Passes" and "Values".
"""

from __future__ import annotations

NAMESPACE = "urn:schemas-microsoft-com:unattend"
WCM = "http://schemas.microsoft.com/WMIConfig/2002/State"

_TEXT = r".+"
_BOOLEAN = r"true|false"
_NUMBER = r"[1-9][0-9]*"
_INDEX = r"0|[1-9][0-9]*"
_SHOW_UI = r"Always|OnError|Never"
_LANGUAGE = r"[a-z]{2,3}(-[A-Z][a-z]{3})?-([A-Z]{2}|[0-9]{3})"
# A language's name, a layout's number or an input method's two GUIDs; several are separated by semicolons.
_GUID = r"\{[0-9A-Fa-f-]{36}\}"
_KEYBOARD = rf"({_LANGUAGE}|[0-9A-Fa-f]{{4}}:([0-9A-Fa-f]{{8}}|{_GUID}{_GUID}))"
_KEYBOARDS = rf"{_KEYBOARD}(;{_KEYBOARD})*"
_KEY = r"([A-Z0-9]{5}-){4}[A-Z0-9]{5}"
_NAME = r'[^"/\\\[\]:;|=,+*?<>@%]{1,20}'
_COMPUTER = r"[A-Za-z0-9-]{1,15}"
_COMMAND_259 = r".{1,259}"  # RunSynchronousCommand/Path: "maximum length of 259 characters"
_COMMAND_1024 = r".{1,1024}"  # SynchronousCommand/CommandLine: "maximum length of 1024 characters"
_PASSWORD = r".{1,127}"

_Rows = dict[str, str]
_INTERNATIONAL: _Rows = {
    "InputLocale": _KEYBOARDS,
    "SystemLocale": _LANGUAGE,
    "UILanguage": _LANGUAGE,
    "UILanguageFallback": _LANGUAGE,
    "UserLocale": _LANGUAGE,
}
_DISK = "DiskConfiguration/Disk/"
_ACCOUNT = "UserAccounts/LocalAccounts/LocalAccount/"
_RUN: _Rows = {
    "RunSynchronous/RunSynchronousCommand/Order": _NUMBER,
    "RunSynchronous/RunSynchronousCommand/Description": _COMMAND_259,
    "RunSynchronous/RunSynchronousCommand/Path": _COMMAND_259,
}

SETTINGS: dict[tuple[str, str], _Rows] = {
    ("windowsPE", "Microsoft-Windows-International-Core-WinPE"): {
        **_INTERNATIONAL,
        "SetupUILanguage/UILanguage": _LANGUAGE,
    },
    ("windowsPE", "Microsoft-Windows-Setup"): {
        "DiskConfiguration/WillShowUI": _SHOW_UI,
        _DISK + "DiskID": _INDEX,
        _DISK + "WillWipeDisk": _BOOLEAN,
        _DISK + "CreatePartitions/CreatePartition/Order": _NUMBER,
        _DISK + "CreatePartitions/CreatePartition/Type": r"Primary|EFI|Extended|Logical|MSR",
        _DISK + "CreatePartitions/CreatePartition/Size": _NUMBER,
        _DISK + "CreatePartitions/CreatePartition/Extend": _BOOLEAN,
        _DISK + "ModifyPartitions/ModifyPartition/Order": _NUMBER,
        _DISK + "ModifyPartitions/ModifyPartition/PartitionID": _NUMBER,
        _DISK + "ModifyPartitions/ModifyPartition/Format": r"NTFS|FAT|FAT32",
        _DISK + "ModifyPartitions/ModifyPartition/Label": r".{1,32}",
        _DISK + "ModifyPartitions/ModifyPartition/Letter": r"[C-Z]",
        "DynamicUpdate/Enable": _BOOLEAN,
        "DynamicUpdate/WillShowUI": _SHOW_UI,
        "ImageInstall/OSImage/InstallFrom/MetaData/Key": r"/IMAGE/(INDEX|NAME|DESCRIPTION)",
        "ImageInstall/OSImage/InstallFrom/MetaData/Value": _TEXT,
        "ImageInstall/OSImage/InstallTo/DiskID": _INDEX,
        "ImageInstall/OSImage/InstallTo/PartitionID": _NUMBER,
        "ImageInstall/OSImage/WillShowUI": _SHOW_UI,
        "UserData/AcceptEula": _BOOLEAN,
        "UserData/FullName": r".{1,63}",
        "UserData/ProductKey/Key": _KEY,
        "UserData/ProductKey/WillShowUI": _SHOW_UI,
        **_RUN,
    },
    ("specialize", "Microsoft-Windows-Deployment"): _RUN,
    ("specialize", "Microsoft-Windows-Security-SPP-UX"): {"SkipAutoActivation": _BOOLEAN},
    ("specialize", "Microsoft-Windows-ServerManager-SvrMgrNc"): {"DoNotOpenServerManagerAtLogon": _BOOLEAN},
    ("specialize", "Microsoft-Windows-Shell-Setup"): {"ComputerName": _COMPUTER, "TimeZone": r".{1,256}"},
    ("oobeSystem", "Microsoft-Windows-International-Core"): _INTERNATIONAL,
    ("oobeSystem", "Microsoft-Windows-Shell-Setup"): {
        "AutoLogon/Enabled": _BOOLEAN,
        "AutoLogon/LogonCount": _NUMBER,
        "AutoLogon/Username": _NAME,
        "AutoLogon/Password/Value": _PASSWORD,
        "AutoLogon/Password/PlainText": _BOOLEAN,
        "FirstLogonCommands/SynchronousCommand/Order": _NUMBER,
        "FirstLogonCommands/SynchronousCommand/CommandLine": _COMMAND_1024,
        "FirstLogonCommands/SynchronousCommand/Description": _COMMAND_259,
        "OOBE/HideEULAPage": _BOOLEAN,
        "OOBE/HideLocalAccountScreen": _BOOLEAN,
        "OOBE/HideOEMRegistrationScreen": _BOOLEAN,
        "OOBE/HideOnlineAccountScreens": _BOOLEAN,
        "OOBE/HideWirelessSetupInOOBE": _BOOLEAN,
        "OOBE/ProtectYourPC": r"[123]",
        "OOBE/SkipMachineOOBE": _BOOLEAN,
        "OOBE/SkipUserOOBE": _BOOLEAN,
        "UserAccounts/AdministratorPassword/Value": _PASSWORD,
        "UserAccounts/AdministratorPassword/PlainText": _BOOLEAN,
        _ACCOUNT + "Name": _NAME,
        _ACCOUNT + "DisplayName": r".{1,256}",
        _ACCOUNT + "Group": _TEXT,
        _ACCOUNT + "Password/Value": _PASSWORD,
        _ACCOUNT + "Password/PlainText": _BOOLEAN,
    },
}
# Lists: the element that repeats must say what is done with it (wcm:action), or Setup ignores the file.
LISTED = {
    "Disk",
    "CreatePartition",
    "ModifyPartition",
    "MetaData",
    "RunSynchronousCommand",
    "SynchronousCommand",
    "LocalAccount",
}
IDENTITY = {
    "processorArchitecture": "amd64",
    "publicKeyToken": "31bf3856ad364e35",
    "language": "neutral",
    "versionScope": "nonSxS",
}
