/* Giving files other names and taking names away, with the guest's switches. */
#include "sftp.h"
#include "switch.h"
#include <stdlib.h>
#include <wchar.h>

#define REMEMBERED 256

/* What the scanner has looked into, and since when. */
static struct {
    WCHAR *path;
    ULONGLONG since;
} scanned[REMEMBERED];
static int next;
static SRWLOCK guard = SRWLOCK_INIT;

/* Whether a scanner is at `path`, as it is for so many milliseconds from when that is to be renamed, removed or opened first. */
static BOOL is_scanned(const WCHAR *path, DWORD milliseconds)
{
    ULONGLONG now = GetTickCount64();
    BOOL found = FALSE, held = FALSE;
    AcquireSRWLockExclusive(&guard);
    for (int i = 0; i < REMEMBERED && !found; i++)
        if (scanned[i].path && _wcsicmp(scanned[i].path, path) == 0) {
            found = TRUE;
            held = now - scanned[i].since < milliseconds;
        }
    if (!found) {
        free(scanned[next].path);
        scanned[next].path = _wcsdup(path);
        scanned[next].since = now;
        next = (next + 1) % REMEMBERED;
        held = TRUE;
    }
    ReleaseSRWLockExclusive(&guard);
    return held;
}

BOOL is_held(const WCHAR *path)
{
    DWORD scan = practice_switch(L"OpeningScanner");
    return scan && GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES && is_scanned(path, scan);
}

BOOL rename_path(const WCHAR *from, const WCHAR *to, DWORD flags)
{
    DWORD scan = practice_switch(L"Scanner"), bits = GetFileAttributesW(to);
    /* As sshd before 8.6: the target is removed first, if that can be done, and then something is renamed that way. */
    if (flags & MOVEFILE_REPLACE_EXISTING && practice_switch(L"RenameUnlinks")) {
        if (bits != INVALID_FILE_ATTRIBUTES && !(bits & FILE_ATTRIBUTE_DIRECTORY))
            DeleteFileW(to);
        flags = 0;
    }
    bits = GetFileAttributesW(from);
    if (scan && bits != INVALID_FILE_ATTRIBUTES && is_scanned(from, scan)) {
        SetLastError(bits & FILE_ATTRIBUTE_DIRECTORY ? ERROR_ACCESS_DENIED : ERROR_SHARING_VIOLATION);
        return FALSE;
    }
    return MoveFileExW(from, to, flags);
}

BOOL remove_file(const WCHAR *path)
{
    DWORD scan = practice_switch(L"RemovalScanner");
    if (scan && GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES && is_scanned(path, scan)) {
        SetLastError(ERROR_SHARING_VIOLATION);
        return FALSE;
    }
    return DeleteFileW(path);
}

/* A symbolic link of Linux to a directory is what this guest has for a junction. wine would remove what it leads to. */
static BOOL remove_junction(const WCHAR *path)
{
    LONG (WINAPI *spawn)(char *const argv[], int wait) = (void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "__wine_unix_spawnvp");
    char *(*look_up)(const WCHAR *path) = (void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "wine_get_unix_file_name");
    char *name = look_up ? look_up(path) : NULL;
    char *words[] = {"/usr/bin/rm", "--", name, NULL};
    SetLastError(ERROR_ACCESS_DENIED);
    return spawn && name && spawn(words, TRUE) == 0;
}

BOOL remove_directory(const WCHAR *path)
{
    DWORD bits = GetFileAttributesW(path);
    if (bits != INVALID_FILE_ATTRIBUTES && bits & FILE_ATTRIBUTE_REPARSE_POINT)
        return remove_junction(path);
    return RemoveDirectoryW(path);
}
