# Loads our library. An image may bring it compiled; else it is compiled once for the user, and kept. Read from standard
# input: its digest, the size of its source, and the source.
$ErrorActionPreference = 'Stop'
$reader = [IO.BinaryReader]::new($stdin)
$name = 'smolvm-' + [Text.Encoding]::ASCII.GetString($reader.ReadBytes(16))
$source = [Text.Encoding]::UTF8.GetString($reader.ReadBytes($reader.ReadInt32()))
$folder = [IO.Path]::Combine([Environment]::GetFolderPath('LocalApplicationData'), 'pytest-smolvm')
$null = [IO.Directory]::CreateDirectory($folder)
$library = [IO.Path]::Combine($PSHOME, "$name.dll")
if (-not [IO.File]::Exists($library)) { $library = [IO.Path]::Combine($folder, "$name.dll") }
if (-not [IO.File]::Exists($library)) {
    $aside = [IO.Path]::Combine($folder, "$name-$PID.dll")
    # Windows PowerShell adds to these what it refers to by itself, PowerShell 7 would take them for all.
    $more = if ($PSVersionTable.PSVersion.Major -lt 6) { @{ ReferencedAssemblies = 'System.Core' } } else { @{} }
    Add-Type -TypeDefinition $source -OutputAssembly $aside -IgnoreWarnings @more
    try { [IO.File]::Move($aside, $library) } catch [IO.IOException] { [IO.File]::Delete($aside) }  # somebody else's was first
}
$null = [Reflection.Assembly]::LoadFrom($library)
