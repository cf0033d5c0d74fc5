/* One console for all requests of a connection, if a switch says so: what sshd from 9.8 on seems to give them. Else each
 * request has one of its own, as the requests of its predecessors had none. */
#include "sshd.h"
#include "switch.h"
#include <stdlib.h>

#define READY_MILLISECONDS 60000
#define PAUSE_MILLISECONDS 20

/* Whose console a connection's requests share: a shell that waits for a key until the guest ends. */
struct owner {
    int connection;
    DWORD process;
    struct owner *next;
};

static struct owner *owners;
static SRWLOCK guard = SRWLOCK_INIT;

static DWORD owner_of(int connection)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    WCHAR command[] = SHELL_PATH L" /d /c pause";
    struct owner *owner = owners;
    while (owner && owner->connection != connection)
        owner = owner->next;
    if (owner)
        return owner->process;
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, HOME, &startup, &process))
        return 0;
    owner = malloc(sizeof *owner);
    *owner = (struct owner){connection, process.dwProcessId, owners};
    owners = owner;
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return owner->process;
}

BOOL share_console(struct request *request)
{
    DWORD owner;
    ULONGLONG end = GetTickCount64() + READY_MILLISECONDS;
    if (!practice_switch(L"SharedConsole"))
        return FALSE;
    AcquireSRWLockExclusive(&guard); /* a process has one console at a time */
    owner = owner_of(request->connection);
    while (owner && !AttachConsole(owner) && GetTickCount64() < end)
        Sleep(PAUSE_MILLISECONDS); /* it makes its console first */
    return TRUE;
}

void unshare_console(void)
{
    FreeConsole();
    ReleaseSRWLockExclusive(&guard);
}
