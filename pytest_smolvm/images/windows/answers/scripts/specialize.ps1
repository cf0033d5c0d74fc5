# As SYSTEM, before anybody has logged on: drivers, and everything that must be set before the first user exists.

. (Join-Path $PSScriptRoot 'steps.ps1')
Send-Mark 'PHASE:specialize'

# None come with the disc for the first start of a generalized system.
$drivers = Join-Path $Setup 'drivers'
if (Test-Path -LiteralPath $drivers) {
    Invoke-Step 'drivers' {
        # 259: nothing to do for a device that is not there; 3010: installed, restart needed, and one follows anyway.
        Invoke-Program pnputil.exe @('/add-driver', "$drivers\*.inf", '/subdirs', '/install') @(0, 259, 3010)
    }
}

Invoke-Step 'encryption' {
    # Windows 11 since 24H2 encrypts by itself where it finds a TPM; ciphertext does not compress and is bound to this TPM.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\BitLocker' 'PreventDeviceEncryption' 1
}

Invoke-Step 'hibernation' {
    # Fails where the firmware offers no such state; then there is nothing to turn off.
    Invoke-Program powercfg.exe @('/hibernate', 'off')
}

Invoke-Step 'fast start' {
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Power' 'HiberbootEnabled' 0
}

foreach ($timeout in 'monitor-timeout-ac', 'monitor-timeout-dc', 'standby-timeout-ac', 'standby-timeout-dc', 'disk-timeout-ac') {
    Invoke-Step $timeout {
        Invoke-Program powercfg.exe @('/change', $timeout, '0')
    }
}

Invoke-Step 'pagefile' {
    # Small and fixed: it is part of every image and every template.
    $key = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management'
    [Microsoft.Win32.Registry]::SetValue($key, 'PagingFiles', [string[]]@('C:\pagefile.sys 256 1024'), [Microsoft.Win32.RegistryValueKind]::MultiString)
    # Emptied when the finished system is switched off: it may hold what programs knew. finish.ps1 ends that for guests;
    # Windows reads it when it starts.
    Set-Number $key 'ClearPageFileAtShutdown' 1
}

Invoke-Step 'updates' {
    $update = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate'
    Set-Number "$update\AU" 'NoAutoUpdate' 1
    Set-Number "$update\AU" 'NoAutoRebootWithLoggedOnUsers' 1
    Set-Number $update 'ExcludeWUDriversInQualityUpdate' 1
    Set-Number 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsStore' 'AutoDownload' 2
}

Invoke-Step 'clock' {
    # QEMU's clock is UTC.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\TimeZoneInformation' 'RealTimeIsUniversal' 1
}

Invoke-Step 'crashes' {
    # A blue screen stays on the screen, where it is seen, rather than starting over for ever.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CrashControl' 'AutoReboot' 0
    Set-Number 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\Windows Error Reporting' 'DontShowUI' 1
}

Invoke-Step 'quiet' {
    # What would open by itself and cover the desktop or use the disk.
    $policies = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft'
    Set-Number "$policies\Windows\CloudContent" 'DisableWindowsConsumerFeatures' 1
    Set-Number "$policies\Windows\OOBE" 'DisablePrivacyExperience' 1
    Set-Number "$policies\Edge" 'HideFirstRunExperience' 1
    Set-Number "$policies\Windows\Personalization" 'NoLockScreen' 1
    Set-Number "$policies\Windows NT\SystemRestore" 'DisableSR' 1
    $system = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
    Set-Number $system 'EnableFirstLogonAnimation' 0
    # A question for consent on the ordinary desktop, where a test can see and click it.
    Set-Number $system 'PromptOnSecureDesktop' 0
    [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('SYSTEM\CurrentControlSet\Control\Network\NewNetworkWindowOff').Dispose()
}

Invoke-Step 'network page' {
    # "Let's connect you to a network" waits where there is no internet, and there is none where --openssh was given.
    Set-Number 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\OOBE' 'BypassNRO' 1
}

Invoke-Step 'unknown programs' {
    # Smart App Control, since Windows 11 22H2: it begins by watching, and one day refuses what nobody has signed, which
    # is what tests are about.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CI\Policy' 'VerifiedAndReputablePolicyState' 0
}

Invoke-Step 'consent' {
    $system = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
    # Administrators get what they ask for without a question; or nobody is asked because there are no two levels.
    if ($Settings.uac -eq 'silent') { Set-Number $system 'ConsentPromptBehaviorAdmin' 0 }
    if ($Settings.uac -eq 'off') { Set-Number $system 'EnableLUA' 0 }
}

Invoke-Step 'paths' {
    # Since Windows 10 1607. sshd 7.7 keeps to 260 characters all the same.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\FileSystem' 'LongPathsEnabled' 1
}

Invoke-Step 'password age' {
    Invoke-Program net.exe @('accounts', '/maxpwage:unlimited')
}

if ($Settings.relax_password_policy) {
    Invoke-Step 'password policy' {
        # Windows Server would refuse the public default password when it creates the account in the next pass.
        $policy = Join-Path $Setup 'policy.inf'
        "[Unicode]`r`nUnicode=yes`r`n[Version]`r`nsignature=`"`$CHICAGO`$`"`r`nRevision=1`r`n[System Access]`r`nPasswordComplexity = 0`r`nMinimumPasswordLength = 0`r`n" |
            Set-Content -LiteralPath $policy -Encoding Unicode
        Invoke-Program secedit.exe @('/configure', '/db', "$env:windir\Temp\smolvm.sdb", '/cfg', $policy, '/areas', 'SECURITYPOLICY', '/quiet')
    }
}

if ($Settings.desktop) { . (Join-Path $PSScriptRoot 'desktop.ps1') }

Send-Mark 'PHASE:specialized'
