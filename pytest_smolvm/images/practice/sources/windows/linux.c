/* tar.exe and curl.exe: Windows 10 brings bsdtar and curl, and so does Linux. This program, under either name, hands its
 * arguments and streams to the Linux one.
 *
 * wine can start a Linux program but not connect it to Windows' pipes. So a script on the Linux side (bridge) makes named
 * pipes, starts the program on them, and this copies between them and our own streams. */
#include "switch.h"
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define RUN L"\\\\?\\unix\\run\\practice\\"
#define BUFFER 65536
#define ARGUMENTS 256

struct flow {
    HANDLE from, to;
};

typedef LONG (WINAPI *spawn_function)(char *const argv[], int wait);
typedef char *(*path_function)(const WCHAR *path);

static DWORD WINAPI copy(void *argument)
{
    struct flow *flow = argument;
    char *data = malloc(BUFFER);
    DWORD got, put;
    while (ReadFile(flow->from, data, BUFFER, &got, NULL) && got > 0)
        for (DWORD sent = 0; sent < got; sent += put)
            if (!WriteFile(flow->to, data + sent, got - sent, &put, NULL))
                return 0;
    CloseHandle(flow->to);
    return 0;
}

static char *utf8(const WCHAR *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *result = malloc(size);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result, size, NULL, NULL);
    return result;
}

/* How Linux calls what the argument names: absolute Windows paths are looked up, other backslashes turned. */
static char *linux_argument(const WCHAR *argument)
{
    path_function look_up = (path_function)(void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "wine_get_unix_file_name");
    const WCHAR *path = wcsncmp(argument, L"--", 2) == 0 && wcschr(argument, L'=') ? wcschr(argument, L'=') + 1 : argument;
    char *prefix = utf8(argument), *rest = NULL, *result;
    if (iswalpha(path[0]) && path[1] == L':' && (path[2] == L'\\' || path[2] == L'/'))
        rest = look_up(path);
    if (!rest) {
        rest = utf8(path);
        for (char *letter = rest; *letter; letter++)
            if (*letter == '\\')
                *letter = '/';
    }
    prefix[path - argument] = 0; /* an option's name is ASCII: as many bytes as characters */
    result = malloc(strlen(prefix) + strlen(rest) + 1);
    strcpy(result, prefix);
    return strcat(result, rest);
}

static BOOL wants_input(int argc, WCHAR **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t length = wcslen(argv[i]);
        if (wcscmp(argv[i], L"-") == 0 || (length > 2 && wcscmp(argv[i] + length - 2, L"f-") == 0) || wcscmp(argv[i], L"@-") == 0)
            return TRUE;
    }
    return FALSE;
}

static HANDLE open_pipe(const WCHAR *name, DWORD access)
{
    WCHAR path[MAX_PATH];
    swprintf(path, MAX_PATH, RUN L"linux-%lu\\%ls", GetCurrentProcessId(), name);
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
}

/* Complain of each file below `directory` that cannot be read while nobody may write to it, and add words to `words` that
 * leave it out: bsdtar before 3.7, which Windows had until 11 (24H2), packs no file that a program writes to. */
static int leave_out(const WCHAR *directory, char **words, int count)
{
    WCHAR path[MAX_PATH];
    WIN32_FIND_DATAW found;
    HANDLE search, file;
    swprintf(path, MAX_PATH, L"%ls/*", directory);
    search = FindFirstFileW(path, &found);
    for (BOOL more = search != INVALID_HANDLE_VALUE; more && count < ARGUMENTS; more = FindNextFileW(search, &found)) {
        if (wcscmp(found.cFileName, L".") == 0 || wcscmp(found.cFileName, L"..") == 0)
            continue;
        swprintf(path, MAX_PATH, L"%ls/%ls", directory, found.cFileName);
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) {
            count = leave_out(path, words, count);
            continue;
        }
        file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
        if (file != INVALID_HANDLE_VALUE) {
            CloseHandle(file);
            continue;
        }
        char *name = utf8(path), *word = malloc(strlen(name) + sizeof "--exclude=");
        fprintf(stderr, "tar.exe: %s: Couldn't open file: Permission denied\n", name);
        words[count++] = strcat(strcpy(word, "--exclude="), name);
        free(name);
    }
    FindClose(search);
    return count;
}

/* Start the Linux program of our name; FALSE if that failed. */
static BOOL start(int argc, WCHAR **argv, BOOL *incomplete)
{
    spawn_function spawn = (spawn_function)(void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "__wine_unix_spawnvp");
    WCHAR self[MAX_PATH], here[MAX_PATH], *name;
    char *words[2 * ARGUMENTS + 6], number[32];
    int count = 0, first;
    GetModuleFileNameW(NULL, self, MAX_PATH);
    GetCurrentDirectoryW(MAX_PATH, here);
    name = wcsrchr(self, L'\\') + 1;
    snprintf(number, sizeof number, "linux-%lu", GetCurrentProcessId());
    words[count++] = "/usr/lib/practice/bridge";
    words[count++] = number;
    words[count++] = linux_argument(here);
    words[count++] = _wcsnicmp(name, L"tar", 3) == 0 ? "/usr/bin/bsdtar" : "/usr/bin/curl";
    for (int i = 1; i < argc - 1 && i < ARGUMENTS; i++)
        words[count++] = linux_argument(argv[i]);
    first = count;
    if (argc > 1 && wcscmp(argv[1], L"-cf") == 0 && practice_switch(L"TarSharesReading"))
        count = leave_out(L".", words, count);
    *incomplete = count > first;
    if (argc > 1)
        words[count++] = linux_argument(argv[argc - 1]);
    words[count] = NULL;
    return spawn && spawn(words, TRUE) == 0;
}

int wmain(int argc, WCHAR **argv)
{
    static struct flow in, out, err;
    HANDLE done, ends[2];
    DWORD got;
    char code[16] = "";
    BOOL incomplete = FALSE;
    if (!start(argc, argv, &incomplete))
        return 255;
    in = (struct flow){GetStdHandle(STD_INPUT_HANDLE), open_pipe(L"in", GENERIC_WRITE)};
    out = (struct flow){open_pipe(L"out", GENERIC_READ), GetStdHandle(STD_OUTPUT_HANDLE)};
    err = (struct flow){open_pipe(L"err", GENERIC_READ), GetStdHandle(STD_ERROR_HANDLE)};
    done = open_pipe(L"done", GENERIC_READ | GENERIC_WRITE);
    WriteFile(done, "go\n", 3, &got, NULL);
    if (wants_input(argc, argv))
        CloseHandle(CreateThread(NULL, 0, copy, &in, 0, NULL));
    else
        CloseHandle(in.to);
    ends[0] = CreateThread(NULL, 0, copy, &out, 0, NULL);
    ends[1] = CreateThread(NULL, 0, copy, &err, 0, NULL);
    WaitForMultipleObjects(2, ends, TRUE, INFINITE);
    ReadFile(done, code, sizeof code - 1, &got, NULL);
    ExitProcess(incomplete && atoi(code) == 0 ? 1 : atoi(code));
}
