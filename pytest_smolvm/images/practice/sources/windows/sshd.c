/* sshd.exe of the practice guest: the Windows side of its SSH server, resident from boot on.
 *
 * OpenSSH itself runs on Linux. The login shell there (shell.c) puts each request into a directory of its own, with named
 * pipes for its streams, and writes the directory's number into one common pipe. Here a thread per request opens the pipes
 * and runs the request as Windows' sshd would. */
#include "sshd.h"
#include "switch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN L"\\\\?\\unix\\run\\practice\\"

static struct request *requests;
static CRITICAL_SECTION guard;

static HANDLE open_pipe(struct request *request, const WCHAR *name, DWORD access)
{
    WCHAR path[MAX_PATH];
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    swprintf(path, MAX_PATH, RUN L"%d\\%ls", request->number, name);
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
}

/* The next line of `text`, which is advanced behind it. */
static char *line(char **text)
{
    char *start = *text, *end = strchr(start, '\n');
    if (!end)
        return *text += strlen(start), start;
    *end = 0;
    *text = end + 1;
    return start;
}

static BOOL read_request(struct request *request)
{
    static const char *const kinds[] = {"exec", "shell", "sftp"};
    char *text = calloc(1, COMMAND_LIMIT * 4), *rest = text, *kind;
    DWORD length = 0;
    HANDLE file = open_pipe(request, L"request", GENERIC_READ);
    BOOL good = file != INVALID_HANDLE_VALUE && ReadFile(file, text, COMMAND_LIMIT * 4 - 1, &length, NULL);
    CloseHandle(file);
    kind = line(&rest);
    for (int i = 0; i < 3; i++)
        if (strcmp(kind, kinds[i]) == 0)
            request->kind = i;
    request->connection = atoi(line(&rest));
    snprintf(request->client, sizeof request->client, "%s", line(&rest));
    snprintf(request->path, sizeof request->path, "%s", line(&rest));
    good = good && MultiByteToWideChar(CP_UTF8, 0, rest, -1, request->command, COMMAND_LIMIT) > 0;
    free(text);
    return good;
}

static void list(struct request *request, BOOL add)
{
    EnterCriticalSection(&guard);
    if (add) {
        request->next = requests;
        requests = request;
    } else {
        struct request **link = &requests;
        while (*link != request)
            link = &(*link)->next;
        *link = request->next;
    }
    LeaveCriticalSection(&guard);
}

void set_job(struct request *request, HANDLE job)
{
    EnterCriticalSection(&guard);
    request->job = job;
    LeaveCriticalSection(&guard);
}

/* What an SSH "signal" does on Windows, whichever it is: the shell ends with 0 and its children with it. sshd 7.7 knows none. */
static void end_request(int number)
{
    if (practice_switch(L"NoSignal"))
        return;
    EnterCriticalSection(&guard);
    for (struct request *request = requests; request; request = request->next)
        if (request->number == number && request->job)
            TerminateJobObject(request->job, 0);
    LeaveCriticalSection(&guard);
}

static void report(struct request *request, char what, DWORD code)
{
    char message[5] = {what};
    DWORD written;
    memcpy(message + 1, &code, 4);
    WriteFile(request->done, message, what == 'o' ? 1 : 5, &written, NULL);
}

static DWORD WINAPI serve(void *argument)
{
    struct request *request = argument;
    DWORD code = 255;
    request->done = open_pipe(request, L"done", GENERIC_WRITE);
    request->in = open_pipe(request, L"in", GENERIC_READ);
    request->out = open_pipe(request, L"out", GENERIC_WRITE);
    request->err = open_pipe(request, L"err", GENERIC_WRITE);
    SetHandleInformation(request->done, HANDLE_FLAG_INHERIT, 0);
    report(request, 'o', 0);
    if (read_request(request)) {
        list(request, TRUE);
        if (request->kind == SFTP) {
            free(connection_environment(request)); /* SFTP is a request like any other: the environment is read now */
            code = serve_sftp(request->in, request->out);
        } else {
            code = run_program(request);
        }
        list(request, FALSE);
    }
    CloseHandle(request->in);
    CloseHandle(request->out);
    CloseHandle(request->err);
    report(request, 'x', code);
    CloseHandle(request->done);
    if (request->kind != SFTP)
        refill_spares(); /* now, since it would slow the request itself down */
    free(request);
    return 0;
}

static void accept_line(const char *text)
{
    struct request *request;
    HANDLE thread;
    int number = atoi(text + 1);
    if (text[0] == 'k') {
        end_request(number);
        return;
    }
    request = calloc(1, sizeof *request);
    request->number = number;
    thread = CreateThread(NULL, 0, serve, request, 0, NULL);
    if (thread)
        CloseHandle(thread);
}

int wmain(void)
{
    char text[4096];
    DWORD used = 0, got;
    /* Opened for writing too, so that it never ends when the last writer goes. */
    HANDLE pipe = CreateFileW(RUN L"requests", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (pipe == INVALID_HANDLE_VALUE)
        return 1;
    InitializeCriticalSection(&guard);
    remember_environment();
    SetConsoleCtrlHandler(NULL, TRUE);
    while (ReadFile(pipe, text + used, sizeof text - 1 - used, &got, NULL) && got > 0) {
        char *rest = text, *end;
        used += got;
        text[used] = 0;
        while ((end = strchr(rest, '\n'))) {
            *end = 0;
            accept_line(rest);
            rest = end + 1;
        }
        used -= rest - text;
        memmove(text, rest, used);
    }
    return 1;
}
