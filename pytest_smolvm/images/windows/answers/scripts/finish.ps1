# Over SSH, in the finished system on its virtio disk: make the disk small before it is sealed.

. (Join-Path $PSScriptRoot 'steps.ps1')
Send-Mark 'PHASE:finishing'

Invoke-Step 'components' {
    Invoke-Program dism.exe @('/Online', '/Cleanup-Image', '/StartComponentCleanup', '/ResetBase')
}

Invoke-Step 'temporary files' {
    $places = "$env:windir\Temp\*", "$env:TEMP\*", "$env:windir\SoftwareDistribution\Download\*"
    foreach ($place in $places) { Remove-Item -Path $place -Recurse -Force -ErrorAction SilentlyContinue }
}

Invoke-Step 'answer files' {
    # Setup blanks the passwords in its copies; they are of no use any more all the same.
    foreach ($place in "$env:windir\Panther\unattend.xml", "$env:windir\Panther\Unattend\unattend.xml") {
        Remove-Item -LiteralPath $place -Force -ErrorAction SilentlyContinue
    }
}

Invoke-Step 'trim' {
    # Tells the disk which blocks are free, so that the image shrinks.
    Invoke-Program defrag.exe @('C:', '/L')
}

Send-Mark 'PHASE:finished'
