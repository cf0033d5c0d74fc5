# In a system that has been in use and has no SSH server, as an administrator or SYSTEM.

. (Join-Path $PSScriptRoot 'steps.ps1')
. (Join-Path $PSScriptRoot 'ssh-server.ps1')
