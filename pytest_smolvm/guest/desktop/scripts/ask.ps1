# Asks our library of the desktop, which each process loads once. Says "absent" where it has never been compiled.
param([string] $Name, [int] $Milliseconds, [Parameter(ValueFromRemainingArguments)] [string[]] $Words)
$ErrorActionPreference = 'Stop'
$door = [AppDomain]::CurrentDomain.GetData($Name)
if (-not $door) {
    $folder = [IO.Path]::Combine([Environment]::GetFolderPath('LocalApplicationData'), 'pytest-smolvm')
    $library = [IO.Path]::Combine($PSHOME, "$Name.dll")
    if (-not [IO.File]::Exists($library)) { $library = [IO.Path]::Combine($folder, "$Name.dll") }
    if (-not [IO.File]::Exists($library)) { [Console]::Write('absent'); return }
    $door = [Reflection.Assembly]::LoadFrom($library).GetType('SmolVM.Desktop.Door')
    [AppDomain]::CurrentDomain.SetData($Name, $door)
}
[Console]::Write($door::Answer($Milliseconds, $Words))
