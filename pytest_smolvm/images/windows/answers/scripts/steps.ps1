# What the stages share: marks on the first serial port, which the host reads, and steps that report themselves.

$Setup = Join-Path $env:ProgramData 'smolvm\setup'
$Settings = Get-Content -LiteralPath (Join-Path $Setup 'settings.json') -Raw | ConvertFrom-Json

function Send-Mark([string]$Text) {
    # cmd.exe would act on the other characters.
    $safe = ($Text -replace '[^A-Za-z0-9 .,:_()/\\-]', ' ') -replace '\s+', ' '
    if ($safe.Length -gt 200) { $safe = $safe.Substring(0, 200) }
    # A space before the sign: a last word such as "2" would else name the stream to redirect.
    & cmd.exe /d /c "echo SMOLVM-$safe >\\.\COM1"
    # And for whoever has started us: over SSH that is the host, too, which then needs no serial port.
    [Console]::Out.WriteLine("SMOLVM-$safe")
}

# A step that fails is reported and the next one runs: whether the image is good is decided from outside, over SSH.
# So a step is one program: nothing is left out because something else failed. Registry keys may share one.
function Invoke-Step([string]$Name, [scriptblock]$Work) {
    # Start-Service, Set-LocalUser and others report that they failed and go on; here that is a failed step.
    $ErrorActionPreference = 'Stop'
    try {
        & $Work
        Send-Mark "STEP:${Name}:ok"
    } catch {
        Send-Mark "STEP:${Name}:failed: $_"
    }
}

# A native program, with the exit codes that mean success.
function Invoke-Program([string]$Program, [string[]]$Arguments, [int[]]$Good = @(0)) {
    # PowerShell 5.1 takes a line on stderr that is redirected for an error; what counts is the exit code.
    $ErrorActionPreference = 'Continue'
    $output = & $Program @Arguments 2>&1 | Out-String
    if ($Good -notcontains $LASTEXITCODE) {
        throw "$Program ended with ${LASTEXITCODE}: $output"
    }
}

# A DWORD in the registry; its key is made if need be. Without reg.exe: there are many, and a process each takes its time.
function Set-Number([string]$Key, [string]$Name, [int]$Value) {
    [Microsoft.Win32.Registry]::SetValue($Key, $Name, $Value, [Microsoft.Win32.RegistryValueKind]::DWord)
}
