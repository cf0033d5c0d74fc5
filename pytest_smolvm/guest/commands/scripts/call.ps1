# How a script is run, by the resident and by a new powershell.exe alike: in a runspace of its own that is made as
# powershell.exe makes its own and shares its host. Works on Windows PowerShell 5.1 and PowerShell 7; needs no module.
# Pure ASCII, since 5.1 reads a file without a byte order mark in the ANSI code page.

$Wide = 4096  # columns for error text, so that nothing in it wraps
$Buffered = 16384  # characters that go to a stream at once; each piece costs its reader a turn

# What is added to a script. Errors written by Write-Error quote the script they come from: this is taken out of them.
$Tail = "`n[AppDomain]::CurrentDomain.SetData('smolvm', `$?)"
$TailShown = '\s*' + [regex]::Escape($Tail.Trim())

# Errors go to stderr unwrapped; all else is left to the real Out-Default. It must have this very name: only before
# something called Out-Default does the engine let native programs write to the process's own streams.
$OutDefault = @'
[CmdletBinding()]
param([switch] $Transcript, [Parameter(ValueFromPipeline)] [psobject] $InputObject)
begin {
    $ErrorActionPreference = 'Continue'
    $shown = { Microsoft.PowerShell.Core\Out-Default }.GetSteppablePipeline()
    $shown.Begin($true)
}
process {
    if ($InputObject -is [System.Management.Automation.ErrorRecord]) {
        [Console]::Error.Write((Microsoft.PowerShell.Utility\Out-String -InputObject $InputObject -Width WIDE) -replace 'TAIL')
    } else {
        $shown.Process($InputObject)
    }
}
end { $shown.End() }
'@.Replace('WIDE', $Wide).Replace('TAIL', $TailShown.Replace("'", "''"))

# A closed runspace with the state that powershell.exe itself started with.
function New-Runspace {
    $state = [System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.InitialSessionState.Clone()
    $state.Commands.Add([System.Management.Automation.Runspaces.SessionStateFunctionEntry]::new('Out-Default', $OutDefault))
    $preferences = @{ ProgressPreference = 'SilentlyContinue'; OutputEncoding = [Text.UTF8Encoding]::new($false) }
    foreach ($name in $preferences.Keys) {
        $state.Variables.Add([System.Management.Automation.Runspaces.SessionStateVariableEntry]::new($name, $preferences[$name], ''))
    }
    $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace($Host, $state)
    $runspace.ApartmentState = [System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.ApartmentState
    $runspace.ThreadOptions = 'ReuseThread'
    $runspace
}

# Where the console host keeps the writers that it found when it first wrote: its fields, each with the object that it is
# of. PowerShell 7 has the first two, Windows PowerShell some of the others; the last two say whether it has looked.
function Get-Remembered {
    $hidden = [Reflection.BindingFlags] 'Instance, NonPublic'
    $outer = $Host.GetType().GetProperty('ExternalHost', $hidden)
    if (-not $outer) { return }
    $console = $outer.GetValue($Host)
    foreach ($object in $console, $console.UI) {
        foreach ($name in '_outputSerializer', '_errorSerializer', 'outputSerializer', 'errorSerializer',
            'isStandardOutputRedirectionDetermined', 'isStandardErrorRedirectionDetermined') {
            $field = $object.GetType().GetField($name, $hidden)
            if ($field) { @{ Field = $field; Object = $object } }
        }
    }
}

$Remembered = @(Get-Remembered)

# Plain text in UTF-8 on all three streams, for .NET and for programs that ask the console.
function Set-Utf8 {
    $utf8 = [Text.UTF8Encoding]::new($false)
    try { [Console]::OutputEncoding = $utf8; [Console]::InputEncoding = $utf8 }
    catch [IO.IOException] { }  # no console: nothing to tell native programs, and ours are set below
    foreach ($name in 'Out', 'Error') {
        $writer = [IO.StreamWriter]::new([Console]::"OpenStandard$($name -replace 'Out', 'Output')"(), $utf8, $Buffered)
        $writer.AutoFlush = $true
        [Console]::"Set$name"($writer)
    }
    # No colours: PowerShell 7 has one switch for the whole process, which any script may turn.
    $style = 'System.Management.Automation.PSStyle' -as [type]
    if ($style) { $style::Instance.OutputRendering = 'PlainText' }
    # The host is to use these, too. Else it would go on writing to those before, which were an earlier call's.
    foreach ($place in $Remembered) { $place.Field.SetValue($place.Object, $null) }
}

# Whether a statement may be added at the end: not to a script that does not parse or has begin, process or end blocks.
function Test-Plain([string] $text) {
    $errors = $null
    $ast = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref] $null, [ref] $errors)
    -not $errors -and $ast.EndBlock -and $ast.EndBlock.Unnamed -and -not $ast.BeginBlock -and -not $ast.ProcessBlock
}

# Start a script; it writes to the process's streams. Returns what Step-Call wants.
function Start-Call($runspace, [string] $text, [object[]] $arguments, [IO.TextReader] $reader) {
    $runspace.SessionStateProxy.Path.SetLocation([Environment]::CurrentDirectory) | Out-Null
    [AppDomain]::CurrentDomain.SetData('smolvm', $true)
    if (Test-Plain $text) { $text += $Tail }
    $shell = [powershell]::Create()
    $shell.Runspace = $runspace
    $null = $shell.AddScript($text, $false)
    foreach ($argument in $arguments) { $null = $shell.AddArgument($argument) }
    $shell.Commands.Commands[0].MergeMyResults('Error', 'Output')
    $null = $shell.AddCommand('Out-Default')
    $lines = [System.Management.Automation.PSDataCollection[psobject]]::new()
    if (Test-ReadsInput $text) { while ($null -ne ($line = $reader.ReadLine())) { $lines.Add($line) } }
    $lines.Complete()
    $settings = [System.Management.Automation.PSInvocationSettings]::new()
    $settings.ExposeFlowControlExceptions = $true  # `exit` must end the call, not this process
    @{ Shell = $shell; Task = Start-Shell $shell $lines $settings }
}

# Whether standard input is the script's $input: as with powershell.exe, if it says so; else it is left to its programs.
function Test-ReadsInput([string] $text) { $text -match '\$\{?input\b' }

# Start a pipeline; a task for its end.
function Start-Shell($shell, $lines, $settings) {
    $end = [Delegate]::CreateDelegate([Func[IAsyncResult, System.Management.Automation.PSDataCollection[psobject]]], $shell, 'EndInvoke')
    [Threading.Tasks.Task[System.Management.Automation.PSDataCollection[psobject]]]::Factory.FromAsync(
        $shell.BeginInvoke($lines, $settings, $null, $null), $end)
}

# Wait for the task of a call. Returns the exit code, or nothing if an error ended the script and is now being shown:
# then the call has a new task to wait for.
function Step-Call($call) {
    $null = [Threading.Tasks.Task]::WaitAny($call.Task)  # which does not throw: `exit` in a script would end us as well
    if ($call.Failed) { return 1 }
    if ($call.Task.IsFaulted) {
        $reason = $call.Task.Exception.InnerException
        if ($reason -is [System.Management.Automation.ExitException]) { return [int] $reason.Argument }
        if ($reason -isnot [System.Management.Automation.PipelineStoppedException]) { return Show-Error $call $reason }
        return 1
    }
    if ([AppDomain]::CurrentDomain.GetData('smolvm')) { return 0 }
    $native = $call.Shell.Runspace.SessionStateProxy.GetVariable('LASTEXITCODE')
    if ($native -is [int] -and $native) { $native } else { 1 }  # a script may give it any value
}

function Show-Error($call, $reason) {
    $record = if ($reason -is [System.Management.Automation.RuntimeException]) { $reason.ErrorRecord } else { $reason }
    $call.Failed = $true
    $shell = [powershell]::Create()
    $shell.Runspace = $call.Shell.Runspace
    $null = $shell.AddScript({
        param($record, $width, $hidden)
        $text = ($record | Microsoft.PowerShell.Utility\Out-String -Width $width) -replace $hidden
        # PowerShell 7 has nothing to show of a script that does not parse when it knows no place for it.
        if (-not $text.Trim()) { $text = "$($record.Exception.Message)`r`n" }
        [Console]::Error.Write($text)
    })
    $null = $shell.AddArgument($record).AddArgument($Wide).AddArgument($TailShown)
    $nothing = [System.Management.Automation.PSDataCollection[psobject]]::new()
    $nothing.Complete()
    $call.Shell = $shell
    $call.Task = Start-Shell $shell $nothing ([System.Management.Automation.PSInvocationSettings]::new())
}

# A request: the number of its parts, then each part as a letter for its type, a length and UTF-8 text. The first part
# is the script, the others are its arguments.
function ConvertFrom-Request([byte[]] $bytes) {
    $reader = [IO.BinaryReader]::new([IO.MemoryStream]::new($bytes))
    $parts = [object[]]::new($reader.ReadInt32())
    for ($i = 0; $i -lt $parts.Length; $i++) {
        $type = [string] [char] $reader.ReadByte()
        $parts[$i] = ConvertFrom-Part $type ([Text.Encoding]::UTF8.GetString($reader.ReadBytes($reader.ReadInt32())))
    }
    , $parts
}

function ConvertFrom-Part([string] $type, [string] $text) {
    switch ($type) {
        's' { $text }
        'i' { [int]::Parse($text) }
        'l' { [long]::Parse($text) }
        'f' { [double]::Parse($text, [Globalization.CultureInfo]::InvariantCulture) }
        'b' { $text -eq '1' }
        'n' { $null }
    }
}

# Start-Call for a request; `reader` has the script's input.
function Start-Request($runspace, [object[]] $parts, [IO.TextReader] $reader) {
    $arguments = [object[]]::new($parts.Length - 1)
    [array]::Copy($parts, 1, $arguments, 0, $arguments.Length)
    Start-Call $runspace $parts[0] $arguments $reader
}
