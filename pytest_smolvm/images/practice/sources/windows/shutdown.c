/* shutdown.exe: reboots or powers off the practice guest through its first process.
 *
 * Windows' options that make sense here: /r, /g (reboot), /s, /p, /sg, /h (power off), /t SECONDS, /a, /f, /c, /d. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

#define SWITCH L"\\\\?\\unix\\run\\practice\\power"
#define ABORTED L"Local\\practice-shutdown-aborted"

static int use(void)
{
    puts("Usage: shutdown [/s | /r | /g | /p | /a] [/f] [/t SECONDS] [/c COMMENT] [/d REASON]");
    return 1;
}

static int press(char letter)
{
    DWORD written;
    HANDLE power = CreateFileW(SWITCH, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (power == INVALID_HANDLE_VALUE || !WriteFile(power, &letter, 1, &written, NULL)) {
        puts("The machine cannot be shut down.");
        return 1;
    }
    return 0;
}

/* Wait in a process of its own, which /a ends. It leaves the caller's job, as Windows' own countdown is nobody's child. */
static int wait_elsewhere(WCHAR *self, char letter, long seconds)
{
    WCHAR command[MAX_PATH + 64];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    swprintf(command, MAX_PATH + 64, L"\"%ls\" --countdown %c %ld", self, letter, seconds);
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_BREAKAWAY_FROM_JOB | DETACHED_PROCESS, NULL, NULL, &startup, &process))
        return press(letter);
    return 0;
}

static int countdown(char letter, long seconds)
{
    HANDLE aborted = CreateEventW(NULL, TRUE, FALSE, ABORTED);
    return WaitForSingleObject(aborted, seconds * 1000) == WAIT_TIMEOUT ? press(letter) : 0;
}

static int abort_countdown(void)
{
    HANDLE aborted = OpenEventW(EVENT_MODIFY_STATE, FALSE, ABORTED);
    if (aborted && SetEvent(aborted))
        return 0;
    fputs("Unable to abort the system shutdown because no shutdown was in progress.(1116)\n", stderr);
    return 1116;
}

int wmain(int argc, WCHAR **argv)
{
    WCHAR self[MAX_PATH];
    char letter = 0;
    long seconds = 30;
    if (argc == 4 && wcscmp(argv[1], L"--countdown") == 0)
        return countdown((char)argv[2][0], wcstol(argv[3], NULL, 10));
    for (int i = 1; i < argc; i++) {
        const WCHAR *option = argv[i] + (argv[i][0] == L'/' || argv[i][0] == L'-');
        if (_wcsicmp(option, L"r") == 0 || _wcsicmp(option, L"g") == 0)
            letter = 'r';
        else if (_wcsicmp(option, L"s") == 0 || _wcsicmp(option, L"sg") == 0)
            letter = 's';
        else if (_wcsicmp(option, L"p") == 0 || _wcsicmp(option, L"h") == 0)
            letter = 's', seconds = 0;
        else if (_wcsicmp(option, L"a") == 0)
            return abort_countdown();
        else if (_wcsicmp(option, L"t") == 0 && i + 1 < argc)
            seconds = wcstol(argv[++i], NULL, 10);
        else if ((_wcsicmp(option, L"c") == 0 || _wcsicmp(option, L"d") == 0) && i + 1 < argc)
            i++;
        else if (_wcsicmp(option, L"f") != 0)
            return use();
    }
    if (!letter)
        return use();
    GetModuleFileNameW(NULL, self, MAX_PATH);
    return seconds > 0 ? wait_elsewhere(self, letter, seconds) : press(letter);
}
