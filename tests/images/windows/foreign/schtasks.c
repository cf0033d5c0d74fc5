/* schtasks.exe for a practice disk, whose wine makes tasks and never runs one: as far as a program goes that is started once,
 * by hand: /create /tn NAME /tr LINE, /run /tn NAME, /delete /tn NAME. A disk has one user; it runs as that, whatever /ru says. */
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

#define LONGEST_LINE 262 /* of /tr, as on Windows */

/* The word behind `name`, which is told apart from others as Windows does; NULL without one. */
static WCHAR *option(int count, WCHAR **words, const WCHAR *name)
{
    for (int i = 1; i < count - 1; i++)
        if (_wcsicmp(words[i], name) == 0)
            return words[i + 1];
    return NULL;
}

static int has(int count, WCHAR **words, const WCHAR *name)
{
    for (int i = 1; i < count; i++)
        if (_wcsicmp(words[i], name) == 0)
            return 1;
    return 0;
}

static int failed(const char *why)
{
    fprintf(stderr, "ERROR: %s\n", why);
    return 1;
}

static int create(const WCHAR *path, const WCHAR *line, int replaces)
{
    FILE *task;
    if (!line || wcslen(line) >= LONGEST_LINE)
        return failed("Value for '/tr' option cannot be more than 261 character(s).");
    CreateDirectoryW(L"C:\\windows\\system32\\Tasks", NULL);
    if (!replaces && GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES)
        return failed("The task exists already.");
    task = _wfopen(path, L"wb");
    if (!task)
        return failed("Access is denied.");
    fwrite(line, sizeof *line, wcslen(line), task);
    fclose(task);
    return 0;
}

/* Like the service that runs tasks: in no job of whoever asked for it, and with nothing of theirs. */
static int run(const WCHAR *path)
{
    WCHAR line[LONGEST_LINE] = {0};
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    FILE *task = _wfopen(path, L"rb");
    if (!task)
        return failed("The system cannot find the file specified.");
    fread(line, sizeof *line, LONGEST_LINE - 1, task);
    fclose(task);
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, CREATE_NO_WINDOW | CREATE_BREAKAWAY_FROM_JOB, NULL, NULL, &startup, &process))
        return failed("The task cannot be started.");
    return 0;
}

int wmain(int count, WCHAR **words)
{
    WCHAR path[MAX_PATH];
    WCHAR *name = option(count, words, L"/tn");
    int code;
    if (!name)
        return failed("Invalid syntax. Mandatory option 'tn' is missing.");
    swprintf(path, MAX_PATH, L"C:\\windows\\system32\\Tasks\\%ls", name);
    if (has(count, words, L"/create"))
        code = create(path, option(count, words, L"/tr"), has(count, words, L"/f"));
    else if (has(count, words, L"/run"))
        code = run(path);
    else if (has(count, words, L"/delete"))
        code = DeleteFileW(path) ? 0 : failed("The system cannot find the file specified.");
    else
        return failed("Invalid syntax.");
    if (code == 0)
        printf("SUCCESS: the scheduled task \"%ls\"\n", name);
    return code;
}
