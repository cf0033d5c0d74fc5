@echo off
rem Runs one stage of the set-up: setup.cmd specialize, setup.cmd first-logon, setup.cmd ssh.
rem The disc may have gone by the next stage, so its content is kept on the system disk first.
setlocal
set "stage=%~1"
set "home=%ProgramData%\smolvm\setup"
if not exist "%home%\setup.cmd" xcopy "%~dp0*" "%home%\" /e /i /q /y >nul
powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "%home%\%stage%.ps1" >"%home%\%stage%.log" 2>&1
rem "if errorlevel 1" would miss negative codes, and a script that is not there gives one.
if not "%errorlevel%"=="0" echo SMOLVM-FAILED:%stage% >\\.\COM1
rem For whoever has had it started and is not told of its end.
echo over >"%home%\%stage%.ended"
exit /b 0
