# With --desktop: nothing comes up by itself, covers a window or locks the screen. As SYSTEM, before the first user exists:
# what is set for the default user is every user's. The names are those of Microsoft's policies and of Settings.

Invoke-Step 'no lock' {
    $system = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
    Set-Number $system 'InactivityTimeoutSecs' 0
    # After an update Windows would log the last user on by itself and lock, beside our own logon.
    Set-Number $system 'DisableAutomaticRestartSignOn' 1
}

Invoke-Step 'no lock on waking' {
    # Power plan: "Require a password on wakeup", with and without a battery.
    $power = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Power\PowerSettings\0e796bdb-100d-47d6-a2d5-f7d2daa51f51'
    Set-Number $power 'ACSettingIndex' 0
    Set-Number $power 'DCSettingIndex' 0
}

Invoke-Step 'no widgets' {
    $policies = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft'
    Set-Number "$policies\Dsh" 'AllowNewsAndInterests' 0
    Set-Number "$policies\Windows\Windows Feeds" 'EnableFeeds' 0
    Set-Number "$policies\Windows\Windows Chat" 'ChatIcon' 3
    Set-Number "$policies\Windows\Windows Search" 'EnableDynamicContentInWSB' 0
    Set-Number "$policies\Windows\Windows Search" 'AllowCortana' 0
}

Invoke-Step 'no tips' {
    $content = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\CloudContent'
    Set-Number $content 'DisableSoftLanding' 1
    Set-Number $content 'DisableCloudOptimizedContent' 1
    Set-Number $content 'DisableConsumerAccountStateContent' 1
    Set-Number 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer' 'AllowOnlineTips' 0
}

Invoke-Step 'no security notices' {
    $notices = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows Defender Security Center\Notifications'
    Set-Number $notices 'DisableNotifications' 1
    Set-Number $notices 'DisableEnhancedNotifications' 1
}

Invoke-Step 'no OneDrive' {
    Set-Number 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\OneDrive' 'DisableFileSyncNGSC' 1
}

Invoke-Step 'no browser at work' {
    $edge = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge'
    Set-Number $edge 'StartupBoostEnabled' 0
    Set-Number $edge 'BackgroundModeEnabled' 0
    Set-Number $edge 'DefaultBrowserSettingEnabled' 0
}

# What a user's own settings say, for a hive that is loaded at `Hive`.
function Set-DesktopOfUser([string]$Hive) {
    $software = "$Hive\Software\Microsoft\Windows\CurrentVersion"
    $policies = "$Hive\Software\Policies\Microsoft\Windows"
    # Screen saver.
    foreach ($value in @('ScreenSaveActive', '0'), @('ScreenSaverIsSecure', '0'), @('ScreenSaveTimeOut', '0')) {
        [Microsoft.Win32.Registry]::SetValue("$Hive\Control Panel\Desktop", $value[0], $value[1])
    }
    # Five presses of Shift would ask about sticky keys.
    [Microsoft.Win32.Registry]::SetValue("$Hive\Control Panel\Accessibility\StickyKeys", 'Flags', '506')
    # Toasts, and the page that slides in from the right.
    Set-Number "$software\PushNotifications" 'ToastEnabled' 0
    Set-Number "$policies\CurrentVersion\PushNotifications" 'NoToastApplicationNotification' 1
    Set-Number "$policies\CurrentVersion\PushNotifications" 'NoCloudApplicationNotification' 1
    Set-Number "$policies\Explorer" 'DisableNotificationCenter' 1
    # Tips, suggested programs, "Let's finish setting up".
    foreach ($name in 'ContentDeliveryAllowed', 'FeatureManagementEnabled', 'OemPreInstalledAppsEnabled', 'PreInstalledAppsEnabled',
        'SilentInstalledAppsEnabled', 'SoftLandingEnabled', 'SystemPaneSuggestionsEnabled', 'RotatingLockScreenEnabled',
        'RotatingLockScreenOverlayEnabled', 'SubscribedContent-310093Enabled', 'SubscribedContent-338387Enabled',
        'SubscribedContent-338388Enabled', 'SubscribedContent-338389Enabled', 'SubscribedContent-338393Enabled',
        'SubscribedContent-353694Enabled', 'SubscribedContent-353696Enabled') {
        Set-Number "$software\ContentDeliveryManager" $name 0
    }
    Set-Number "$software\UserProfileEngagement" 'ScoobeSystemSettingEnabled' 0
    Set-Number "$policies\WindowsCopilot" 'TurnOffWindowsCopilot' 1
    # Pictures that change: Spotlight on the desktop.
    Set-Number "$policies\CloudContent" 'DisableWindowsSpotlightFeatures' 1
    Set-Number "$policies\CloudContent" 'DisableSpotlightCollectionOnDesktop' 1
    Set-Number "$software\DesktopSpotlight\Settings" 'EnabledState' 0
    # Installed at the first logon of each user, and asks them to sign in.
    $run = [Microsoft.Win32.Registry]::Users.OpenSubKey("$($Hive.Substring('HKEY_USERS\'.Length))\Software\Microsoft\Windows\CurrentVersion\Run", $true)
    if ($run) {
        foreach ($name in 'OneDriveSetup', 'OneDrive') { $run.DeleteValue($name, $false) }
        $run.Dispose()
    }
}

Invoke-Step 'default user loaded' {
    Invoke-Program reg.exe @('load', 'HKU\SmolvmDefault', (Join-Path $env:SystemDrive 'Users\Default\NTUSER.DAT'))
}

Invoke-Step 'default user' {
    Set-DesktopOfUser 'HKEY_USERS\SmolvmDefault'
}

Invoke-Step 'default user saved' {
    # Keys that are still open would keep the hive loaded.
    [GC]::Collect()
    [GC]::WaitForPendingFinalizers()
    Invoke-Program reg.exe @('unload', 'HKU\SmolvmDefault')
}
