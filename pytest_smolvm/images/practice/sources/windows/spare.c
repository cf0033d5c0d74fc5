/* Spare shells: cmd.exe processes, each with a console, that wait at their entry point for a request.
 *
 * What costs in starting one is wine's loading of its libraries and of a console for it: a second on an emulated
 * processor, where Windows takes milliseconds. A spare has that behind it when a guest is frozen, and so in every clone.
 * It is an ordinary cmd.exe whose first instructions were exchanged for a wait; before they are put back, its streams,
 * command line and environment are replaced in its parameters, where cmd.exe reads them when it begins. The command line is
 * replaced in its place, since wine keeps where that is: spares are started with a long one. */
#include "sshd.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#define SPARES 2
#define ENVIRONMENT_SIZE (256 * 1024)
#define COMMAND_SIZE 8704 /* characters; cmd.exe takes 8191 */
#define CODE_SIZE 512
#define READY_MILLISECONDS 120000

/* What the wait needs, and where it leaves what it has got; lies in the new process. */
struct parking {
    void *(WINAPI *allocate)(HANDLE heap, ULONG flags, SIZE_T size);
    LONG (WINAPI *signal)(HANDLE event, LONG *previous);
    LONG (WINAPI *wait)(HANDLE event, BOOLEAN alertable, LARGE_INTEGER *timeout);
    DWORD (WINAPI *entry)(void *peb);
    HANDLE ready, go;
    WCHAR *environment;
};

/* RTL_USER_PROCESS_PARAMETERS and PEB of 64-bit Windows (winternl.h has only a part of them). */
struct parameters {
    BYTE head[0x20];
    HANDLE streams[3];
    BYTE middle[0x70 - 0x38];
    UNICODE_STRING command;
    WCHAR *environment;
};
#define PEB_IMAGE 0x10
#define PEB_PARAMETERS 0x20
#define PEB_HEAP 0x30

struct spare {
    PROCESS_INFORMATION process;
    BYTE *peb, *entry;                       /* these, and what the next two point to, lie in the new process */
    struct parking *parking;
    struct parameters *parameters;
    BYTE first[32];                          /* the instructions at `entry` that were exchanged */
    HANDLE go;
    struct spare *next;
};

static struct spare *spares;
static int count;                            /* of them */
static BOOL preparing, awaited;              /* whether another is being made, and somebody waits for it */
static SRWLOCK guard = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;

/* Runs in the new process, copied there: it may call only what it is handed. A variable is replaced in place if the heap
 * says that there is room, so the block for the environment comes from there. */
static DWORD WINAPI park(BYTE *peb, struct parking *parking)
{
    parking->environment = parking->allocate(*(HANDLE *)(peb + PEB_HEAP), 0, ENVIRONMENT_SIZE);
    parking->signal(parking->ready, NULL);
    parking->wait(parking->go, FALSE, NULL);
    return parking->entry(peb);
}

static BOOL get(struct spare *spare, const void *from, void *to, SIZE_T size)
{
    return ReadProcessMemory(spare->process.hProcess, from, to, size, NULL);
}

static BOOL put(struct spare *spare, void *to, const void *from, SIZE_T size)
{
    return WriteProcessMemory(spare->process.hProcess, to, from, size, NULL);
}

static HANDLE give(struct spare *spare, HANDLE handle, BOOL inherited)
{
    HANDLE theirs = NULL;
    DuplicateHandle(GetCurrentProcess(), handle, spare->process.hProcess, &theirs, 0, inherited, DUPLICATE_SAME_ACCESS);
    return theirs;
}

/* Find the entry point of a process that is still suspended. */
static BOOL look(struct spare *spare)
{
    PROCESS_BASIC_INFORMATION about;
    BYTE *image;
    LONG header;
    DWORD entry;
    if (NtQueryInformationProcess(spare->process.hProcess, ProcessBasicInformation, &about, sizeof about, NULL) < 0)
        return FALSE;
    spare->peb = (BYTE *)about.PebBaseAddress;
    if (!get(spare, spare->peb + PEB_IMAGE, &image, sizeof image)
        || !get(spare, image + offsetof(IMAGE_DOS_HEADER, e_lfanew), &header, sizeof header)
        || !get(spare, image + header + offsetof(IMAGE_NT_HEADERS64, OptionalHeader.AddressOfEntryPoint), &entry, sizeof entry))
        return FALSE;
    spare->entry = image + entry;
    return get(spare, spare->entry, spare->first, sizeof spare->first);
}

/* Whether a function of ntdll is where it is here, as it is on Windows for as long as the system runs. */
static BOOL same(struct spare *spare, const void *function)
{
    BYTE theirs[16];
    return get(spare, function, theirs, sizeof theirs) && memcmp(theirs, function, sizeof theirs) == 0;
}

/* Exchange the first instructions for a jump to `park`. */
static BOOL divert(struct spare *spare, HANDLE ready)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    struct parking parking = {.allocate = (void *)GetProcAddress(ntdll, "RtlAllocateHeap"),
                              .signal = (void *)GetProcAddress(ntdll, "NtSetEvent"),
                              .wait = (void *)GetProcAddress(ntdll, "NtWaitForSingleObject"),
                              .entry = (void *)spare->entry,
                              .ready = give(spare, ready, FALSE),
                              .go = give(spare, spare->go, FALSE)};
    /* mov rdx, parking; mov rax, code; jmp rax */
    BYTE jump[] = {0x48, 0xba, 0, 0, 0, 0, 0, 0, 0, 0, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    DWORD before;
    BYTE *code = VirtualAllocEx(spare->process.hProcess, NULL, CODE_SIZE + sizeof parking, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (!code || !same(spare, parking.allocate) || !same(spare, parking.signal) || !same(spare, parking.wait))
        return FALSE;
    spare->parking = (struct parking *)(code + CODE_SIZE);
    memcpy(jump + 2, &spare->parking, sizeof spare->parking);
    memcpy(jump + 12, &code, sizeof code);
    return put(spare, code, park, CODE_SIZE) && put(spare, spare->parking, &parking, sizeof parking)
        && VirtualProtectEx(spare->process.hProcess, spare->entry, sizeof jump, PAGE_EXECUTE_READWRITE, &before)
        && put(spare, spare->entry, jump, sizeof jump);
}

static void forget(struct spare *spare)
{
    CloseHandle(spare->go);
    free(spare);
}

static void discard(struct spare *spare)
{
    TerminateProcess(spare->process.hProcess, 1);
    CloseHandle(spare->process.hThread);
    CloseHandle(spare->process.hProcess);
    forget(spare);
}

/* Start a shell and wait until it waits; NULL if that does not work here. */
static struct spare *prepare(void)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    WCHAR command[COMMAND_SIZE];
    struct spare *spare = calloc(1, sizeof *spare);
    HANDLE ready = CreateEventW(NULL, TRUE, FALSE, NULL);
    spare->go = CreateEventW(NULL, TRUE, FALSE, NULL);
    swprintf(command, COMMAND_SIZE, L"%-*ls", COMMAND_SIZE - 1, SHELL_PATH);
    if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, CREATE_SUSPENDED | CREATE_NO_WINDOW, NULL, HOME, &startup, &spare->process)) {
        CloseHandle(ready);
        forget(spare);
        return NULL;
    }
    HANDLE either[] = {ready, spare->process.hProcess};
    BOOL good = look(spare) && divert(spare, ready) && ResumeThread(spare->process.hThread) != (DWORD)-1
                && WaitForMultipleObjects(2, either, FALSE, READY_MILLISECONDS) == WAIT_OBJECT_0
                && get(spare, spare->peb + PEB_PARAMETERS, &spare->parameters, sizeof spare->parameters); /* final only now */
    CloseHandle(ready);
    if (good)
        return spare;
    discard(spare);
    return NULL;
}

/* One after the other, by one thread: several at once would only slow each other down. */
void refill_spares(void)
{
    AcquireSRWLockExclusive(&guard);
    while (!preparing && count < SPARES) {
        struct spare *spare;
        preparing = TRUE;
        ReleaseSRWLockExclusive(&guard);
        spare = prepare();
        AcquireSRWLockExclusive(&guard);
        preparing = FALSE;
        WakeConditionVariable(&changed);
        if (!spare)
            break;
        spare->next = spares;
        spares = spare;
        count++;
    }
    ReleaseSRWLockExclusive(&guard);
}

/* A spare; the one that is being made, if nobody else waits for it: it is there sooner than what would be started now. */
static struct spare *take(void)
{
    struct spare *spare;
    AcquireSRWLockExclusive(&guard);
    if (!spares && preparing && !awaited) {
        awaited = TRUE;
        while (!spares && preparing)
            SleepConditionVariableSRW(&changed, &guard, INFINITE, 0);
        awaited = FALSE;
    }
    spare = spares;
    if (spare) {
        spares = spare->next;
        count--;
    }
    ReleaseSRWLockExclusive(&guard);
    return spare;
}

static size_t block_length(const WCHAR *environment)
{
    const WCHAR *end = environment;
    while (*end)
        end += wcslen(end) + 1;
    return end + 1 - environment;
}

static BOOL put_command(struct spare *spare, const WCHAR *command)
{
    UNICODE_STRING line;
    size_t length = wcslen(command) * sizeof *command;
    if (!get(spare, &spare->parameters->command, &line, sizeof line) || length > line.Length)
        return FALSE;
    line.Length = length;
    return put(spare, line.Buffer, command, length + sizeof *command) && put(spare, &spare->parameters->command, &line, sizeof line);
}

static BOOL put_environment(struct spare *spare, const WCHAR *environment)
{
    size_t size = block_length(environment) * sizeof *environment;
    WCHAR *block;
    return size <= ENVIRONMENT_SIZE && get(spare, &spare->parking->environment, &block, sizeof block) && block
        && put(spare, block, environment, size) && put(spare, &spare->parameters->environment, &block, sizeof block);
}

/* Put the request in the place of what the spare was started with. */
static BOOL dress(struct spare *spare, struct request *request, const WCHAR *command, const WCHAR *environment)
{
    HANDLE streams[] = {give(spare, request->in, TRUE), give(spare, request->out, TRUE), give(spare, request->err, TRUE)};
    return streams[0] && streams[1] && streams[2] && put(spare, spare->parameters->streams, streams, sizeof streams)
        && put_command(spare, command) && put_environment(spare, environment)
        && put(spare, spare->entry, spare->first, sizeof spare->first);
}

BOOL start_spare(struct request *request, const WCHAR *command, const WCHAR *environment, HANDLE job, PROCESS_INFORMATION *process)
{
    struct spare *spare;
    while ((spare = take())) {
        if (WaitForSingleObject(spare->process.hProcess, 0) == WAIT_TIMEOUT && dress(spare, request, command, environment)
            && AssignProcessToJobObject(job, spare->process.hProcess)) {
            *process = spare->process;
            SetEvent(spare->go);
            forget(spare);
            return TRUE;
        }
        discard(spare);
    }
    return FALSE;
}
