# As the new administrator, at the first logon: SSH, and what needs a running system.

. (Join-Path $PSScriptRoot 'steps.ps1')
. (Join-Path $PSScriptRoot 'secret.ps1')
Send-Mark 'PHASE:first-logon'

function Install-OpenSshPackage([string]$Package) {
    if ($Package -like '*.msi') {
        Invoke-Program msiexec.exe @('/i', $Package, '/qn', '/norestart', 'ADDLOCAL=Server') @(0, 3010)
        return
    }
    $target = Join-Path $env:ProgramFiles 'OpenSSH'
    $unpacked = Join-Path $env:windir 'Temp\smolvm-openssh'
    Expand-Archive -LiteralPath $Package -DestinationPath $unpacked -Force
    # The archive holds one folder, OpenSSH-Win64.
    $script = Get-ChildItem -LiteralPath $unpacked -Filter install-sshd.ps1 -Recurse | Select-Object -First 1
    if (-not $script) { throw "$Package has no install-sshd.ps1" }
    Copy-Item -LiteralPath $script.Directory.FullName -Destination $target -Recurse -Force
    # It was written to go on after small mishaps.
    $ErrorActionPreference = 'Continue'
    # It asks for consent (ConfirmImpact High) where nobody can answer; older ones do not, and do not mind being told.
    & (Join-Path $target 'install-sshd.ps1') -Confirm:$false
}

Invoke-Step 'openssh' {
    $package = Get-ChildItem -LiteralPath (Join-Path $Setup 'openssh') -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($package) {
        Install-OpenSshPackage $package.FullName
    } elseif (-not (Get-Service -Name sshd -ErrorAction SilentlyContinue)) {
        # Server 2025 has it in the box; Windows 10 since 1809, Windows 11 and Server 2019 and 2022 fetch it from Windows
        # Update, and get one of 7.7 to 9.5; those before have none.
        Add-WindowsCapability -Online -Name 'OpenSSH.Server~~~~0.0.1.0' | Out-Null
    }
}

Invoke-Step 'sshd shell' {
    # cmd.exe stays the default shell: whatever set another one before us is undone.
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\OpenSSH', $true)
    if ($key) {
        $key.DeleteValue('DefaultShell', $false)
        $key.Dispose()
    }
}

Invoke-Step 'sshd' {
    # auto, not delayed: measured by others, 30 s against 3 minutes from start to login (rgl/windows-vagrant 26).
    Invoke-Program sc.exe @('config', 'sshd', 'start=', 'auto')
}

Invoke-Step 'sshd retries' {
    # A failed start is tried again.
    Invoke-Program sc.exe @('failure', 'sshd', 'reset=', '86400', 'actions=', 'restart/2000/restart/5000/restart/10000')
}

Invoke-Step 'sshd start' {
    # Once, so that it makes its keys now and not in every guest.
    Start-Service -Name sshd
}

Invoke-Step 'firewall' {
    # The rule that comes with OpenSSH's .msi and with Server 2025 is for private networks, and QEMU's may count as public.
    Invoke-Program netsh.exe @('advfirewall', 'firewall', 'add', 'rule', 'name=pytest-smolvm sshd', 'dir=in', 'action=allow', 'protocol=TCP', 'localport=22', 'profile=any')
}

Invoke-Step 'agent' {
    $agent = Join-Path $Setup 'agent\qemu-ga-x86_64.msi'
    if (Test-Path -LiteralPath $agent) {
        Invoke-Program msiexec.exe @('/i', $agent, '/qn', '/norestart') @(0, 3010)
    }
}

if ($Settings.ui_language -ne 'en-US') {
    Invoke-Step 'keyboard' {
        # Windows 11 25H2 gives the user the display language's own, whatever the answer file says
        # (cschneegans/unattend-generator 331); keys that the host presses are places on a US keyboard.
        $tip = '{0:x4}:00000409' -f ([Globalization.CultureInfo]$Settings.ui_language).LCID
        $languages = New-WinUserLanguageList -Language $Settings.ui_language
        $languages[0].InputMethodTips.Clear()
        $languages[0].InputMethodTips.Add($tip)
        Set-WinUserLanguageList -LanguageList $languages -Force
        Set-WinDefaultInputMethodOverride -InputTip $tip
    }
}

Invoke-Step 'automatic logon' {
    # A LogonCount of 1 gives two (Microsoft's page of the setting, "known issue"); and the password is in the registry.
    $winlogon = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon', $true)
    $password = [string]$winlogon.GetValue('DefaultPassword')
    if (-not $Settings.desktop) {
        $winlogon.SetValue('AutoAdminLogon', '0')
        Remove-Secret $winlogon 'DefaultPassword'
        Set-LogonSecret ''
    } elseif ($password) {
        # Only where it is kept as a secret it may go from here, or nobody would be logged on.
        Set-LogonSecret $password
        Remove-Secret $winlogon 'DefaultPassword'
    }
    $winlogon.DeleteValue('AutoLogonCount', $false)
    $winlogon.Dispose()
}

Invoke-Step 'account' {
    Set-LocalUser -Name $Settings.user -PasswordNeverExpires $true
}

Send-Mark 'PHASE:installed'
# A clean end, so that the next start, from a virtio disk, finds a clean file system.
& shutdown.exe /s /f /t 5
