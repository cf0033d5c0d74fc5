# One call in this process, which ends with it. Read from standard input: the length of the request, then the request;
# what follows is the script's.
$request = Read-Bytes $stdin ([BitConverter]::ToInt32((Read-Bytes $stdin 4), 0))
# The console may be that of other commands, too: sshd 9.8 and later have one for each connection.
$pages = [Console]::InputEncoding, [Console]::OutputEncoding
Set-Utf8
$runspace = New-Runspace
$runspace.Open()
$call = Start-Request $runspace (ConvertFrom-Request $request) ([Console]::In)
do { $code = Step-Call $call } while ($null -eq $code)
[Console]::Out.Flush()
try { [Console]::InputEncoding, [Console]::OutputEncoding = $pages } catch [IO.IOException] { }  # no console
[Environment]::Exit($code)
