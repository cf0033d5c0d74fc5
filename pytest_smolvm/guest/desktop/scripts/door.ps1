# Our library of the desktop, which each process loads once; nothing where it has never been compiled.
function Get-Door([string] $name) {
    $door = [AppDomain]::CurrentDomain.GetData($name)
    if ($door) { return $door }
    $folder = [IO.Path]::Combine([Environment]::GetFolderPath('LocalApplicationData'), 'pytest-smolvm')
    $library = [IO.Path]::Combine($PSHOME, "$name.dll")
    if (-not [IO.File]::Exists($library)) { $library = [IO.Path]::Combine($folder, "$name.dll") }
    if (-not [IO.File]::Exists($library)) { return }
    $door = [Reflection.Assembly]::LoadFrom($library).GetType('SmolVM.Desktop.Door')
    [AppDomain]::CurrentDomain.SetData($name, $door)
    $door
}
