# Over SSH, in the finished system on its virtio disk: take secrets away and make the disk small before it is sealed.

. (Join-Path $PSScriptRoot 'steps.ps1')
. (Join-Path $PSScriptRoot 'secret.ps1')
Send-Mark 'PHASE:finishing'

Invoke-Step 'components' {
    # 0x800f0806: something is still being installed; it helps to ask again (rgl/windows-vagrant 27).
    for ($try = 1; ; $try++) {
        try {
            Invoke-Program dism.exe @('/Online', '/Cleanup-Image', '/StartComponentCleanup', '/ResetBase')
            return
        } catch {
            if ($try -eq 4) { throw }
        }
        Start-Sleep -Seconds 60
    }
}

Invoke-Step 'recovery' {
    # 2: it was off already.
    Invoke-Program reagentc.exe @('/disable') @(0, 2)
}

Invoke-Step 'recovery partition' {
    # Setup of Windows 11 24H2 and Server 2025 makes one behind C:, which costs 0.7 GB and lets no image grow.
    if (-not (Get-Command -Name Get-Partition -ErrorAction SilentlyContinue)) { throw 'this system has no Get-Partition' }
    $system = Get-Partition -DriveLetter C
    $kind = '{de94bba4-06d1-4d40-a16a-bfd50179d6ac}'
    foreach ($partition in @(Get-Partition -DiskNumber $system.DiskNumber | Where-Object { $_.GptType -eq $kind })) {
        Remove-Partition -DiskNumber $partition.DiskNumber -PartitionNumber $partition.PartitionNumber -Confirm:$false
    }
    $most = (Get-PartitionSupportedSize -DriveLetter C).SizeMax
    # Less than what it aligns to is an error, not a growth.
    if ($most - $system.Size -ge 1MB) { Resize-Partition -DriveLetter C -Size $most }
    # What /disable has put back, for a recovery that is not there any more.
    Remove-Item -LiteralPath "$env:windir\System32\Recovery\Winre.wim" -Force -ErrorAction SilentlyContinue
}

Invoke-Step 'temporary files' {
    $places = "$env:windir\Temp\*", "$env:TEMP\*", "$env:windir\SoftwareDistribution\Download\*"
    foreach ($place in $places) { Remove-Item -Path $place -Recurse -Force -ErrorAction SilentlyContinue }
}

Invoke-Step 'answer files' {
    # Setup blanks the passwords in its copies, but for unattend-original.xml of Windows 11 24H2
    # (cschneegans/unattend-generator 293).
    $places = "$env:windir\Panther", "$env:windir\Panther\Unattend", "$env:windir\System32\Sysprep", "$env:windir\System32\Sysprep\Panther",
        "$env:SystemDrive\", "$env:SystemDrive\`$WINDOWS.~BT\Sources\Panther"
    foreach ($place in $places) {
        foreach ($file in [string[]]@('unattend*.xml', 'autounattend*.xml')) {
            Get-ChildItem -LiteralPath $place -Filter $file -Force -ErrorAction SilentlyContinue |
                Where-Object { -not $_.PSIsContainer } | ForEach-Object { Remove-SecretFile $_.FullName }
        }
    }
}

Invoke-Step 'page file' {
    # It is still emptied at the end of this start, since Windows has read that at its beginning; not of those to come.
    Set-Number 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management' 'ClearPageFileAtShutdown' 0
}

Invoke-Step 'trim' {
    # Tells the disk which blocks are free, so that the image shrinks.
    Invoke-Program defrag.exe @('C:', '/L')
}

Send-Mark 'PHASE:finished'
