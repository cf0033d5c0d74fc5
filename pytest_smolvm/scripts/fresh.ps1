# The end of what a new powershell.exe reads from its standard input: run one request and leave with its exit code.
# What follows the request is the script's own input.
Set-Utf8
$request = ConvertFrom-Request (Read-Bytes $stdin ([BitConverter]::ToInt32((Read-Bytes $stdin 4), 0)))
$runspace = New-Runspace
$runspace.Open()
$call = Start-Request $runspace $request ([Console]::In)
while ($null -eq ($code = Step-Call $call)) { }
[Environment]::Exit($code)
