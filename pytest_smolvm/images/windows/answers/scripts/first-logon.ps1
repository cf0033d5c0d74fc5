# As the new administrator, at the first logon: SSH, and what needs a running system.

. (Join-Path $PSScriptRoot 'steps.ps1')
. (Join-Path $PSScriptRoot 'secret.ps1')
Send-Mark 'PHASE:first-logon'

. (Join-Path $PSScriptRoot 'ssh-server.ps1')

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
