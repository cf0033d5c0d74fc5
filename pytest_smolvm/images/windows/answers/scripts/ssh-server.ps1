# An SSH server that starts by itself and that the firewall lets people reach.

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
    # An older one may be there, and a folder copied onto one that exists goes into it. What runs cannot be overwritten.
    Stop-Service -Name sshd, ssh-agent -Force -ErrorAction SilentlyContinue
    $null = [IO.Directory]::CreateDirectory($target)
    Copy-Item -Path (Join-Path $script.Directory.FullName '*') -Destination $target -Recurse -Force
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
