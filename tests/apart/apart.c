/* Runs the rest of its command line where nobody sees it, as a service of Windows does: on a window station of its own.
 * As sshd's default shell it is given "-c" and a request, which it hands to cmd.exe as sshd itself would. */
#include <stdio.h>
#include <windows.h>

static WCHAR shell[33000];

int wmain(void)
{
    WCHAR *line = wcschr(GetCommandLineW(), ' ') + 1, desktop[] = L"Service-0x0-3e7$\\Default";
    STARTUPINFOW startup = {0};
    PROCESS_INFORMATION started;
    DWORD code = 1;
    HWINSTA station = CreateWindowStationW(L"Service-0x0-3e7$", 0, GENERIC_ALL, NULL);
    if (!station || !SetProcessWindowStation(station) || !CreateDesktopW(L"Default", NULL, NULL, 0, GENERIC_ALL, NULL))
        return 1;
    if (wcsncmp(line, L"-c ", 3) == 0) {
        swprintf(shell, sizeof shell / sizeof *shell, L"cmd.exe /c %ls", line + 3);
        line = shell;
    }
    GetStartupInfoW(&startup);
    startup.lpDesktop = desktop;
    if (CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &started)) {
        WaitForSingleObject(started.hProcess, INFINITE);
        GetExitCodeProcess(started.hProcess, &code);
    }
    return code;
}
