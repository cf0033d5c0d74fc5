/* The environment of a connection: as Windows' sshd, it is read from the registry once, at the connection's first request. */
#include "sshd.h"
#include "switch.h"
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 1024            /* variables */
#define CONNECTIONS 256       /* remembered; the oldest is forgotten first */
#define VALUE_LIMIT 32768     /* characters */
#define NAME_LIMIT 64         /* characters of a user's name */

struct table {
    WCHAR *entries[LIMIT];    /* NAME=VALUE */
    int count;
};

struct connection {
    int number;
    char path[128];
    WCHAR *block;
};

static const WCHAR *const machine[] = {
    L"ALLUSERSPROFILE=C:\\ProgramData", L"APPDATA=C:\\Users\\smolvm\\AppData\\Roaming", L"CommonProgramFiles=C:\\Program Files\\Common Files",
    L"CommonProgramFiles(x86)=C:\\Program Files (x86)\\Common Files", L"CommonProgramW6432=C:\\Program Files\\Common Files",
    L"ComSpec=C:\\Windows\\system32\\cmd.exe", L"HOME=C:\\Users\\smolvm", L"HOMEDRIVE=C:", L"HOMEPATH=\\Users\\smolvm",
    L"LOCALAPPDATA=C:\\Users\\smolvm\\AppData\\Local", L"LOGNAME=smolvm", L"OS=Windows_NT",
    L"PATHEXT=.COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC", L"PROCESSOR_ARCHITECTURE=AMD64", L"ProgramData=C:\\ProgramData",
    L"ProgramFiles=C:\\Program Files", L"ProgramFiles(x86)=C:\\Program Files (x86)", L"ProgramW6432=C:\\Program Files", L"PROMPT=$P$G",
    L"PUBLIC=C:\\Users\\Public", L"SHELL=c:\\windows\\system32\\cmd.exe", L"SystemDrive=C:", L"SystemRoot=C:\\Windows", L"USER=smolvm",
    L"USERNAME=smolvm", L"USERPROFILE=C:\\Users\\smolvm", L"windir=C:\\Windows",
};

static struct connection connections[CONNECTIONS];
static struct table service; /* the machine's variables as they were when we were started */
static int next_connection;
static SRWLOCK guard = SRWLOCK_INIT;

static const WCHAR *get(struct table *table, const WCHAR *name, size_t length)
{
    for (int i = 0; i < table->count; i++)
        if (_wcsnicmp(table->entries[i], name, length) == 0 && table->entries[i][length] == L'=')
            return table->entries[i] + length + 1;
    return NULL;
}

static void set(struct table *table, const WCHAR *name, const WCHAR *value)
{
    size_t length = wcslen(name), size = length + wcslen(value) + 2;
    WCHAR *entry = malloc(size * sizeof *entry);
    swprintf(entry, size, L"%ls=%ls", name, value);
    for (int i = 0; i < table->count; i++)
        if (_wcsnicmp(table->entries[i], name, length) == 0 && table->entries[i][length] == L'=') {
            free(table->entries[i]);
            table->entries[i] = entry;
            return;
        }
    if (table->count < LIMIT)
        table->entries[table->count++] = entry;
}

/* Copy `text` to `result` with %NAME% replaced where NAME is set. */
static void expand(struct table *table, const WCHAR *text, WCHAR *result)
{
    size_t used = 0;
    while (*text && used < VALUE_LIMIT - 1) {
        const WCHAR *end = *text == L'%' ? wcschr(text + 1, L'%') : NULL;
        const WCHAR *value = end ? get(table, text + 1, end - text - 1) : NULL;
        if (value) {
            while (*value && used < VALUE_LIMIT - 1)
                result[used++] = *value++;
            text = end + 1;
        } else {
            result[used++] = *text++;
        }
    }
    result[used] = 0;
}

static BOOL is_protected(const WCHAR *name)
{
    return _wcsicmp(name, L"USERNAME") == 0 || _wcsicmp(name, L"PROCESSOR_ARCHITECTURE") == 0;
}

/* The user's PATH comes behind the machine's; every other variable of the user replaces the machine's. */
static void put(struct table *table, const WCHAR *name, WCHAR *value, BOOL of_user)
{
    const WCHAR *present = of_user && _wcsicmp(name, L"PATH") == 0 ? get(table, name, 4) : NULL;
    if (present && *present) {
        size_t size = wcslen(present) + wcslen(value) + 2;
        WCHAR *both = malloc(size * sizeof *both);
        swprintf(both, size, present[wcslen(present) - 1] == L';' ? L"%ls%ls" : L"%ls;%ls", present, value);
        set(table, name, both);
        free(both);
    } else {
        set(table, name, value);
    }
}

static void read_key(struct table *table, HKEY root, const WCHAR *path, BOOL of_user)
{
    WCHAR name[256], *value = calloc(VALUE_LIMIT + 1, sizeof *value), *expanded = malloc(VALUE_LIMIT * sizeof *expanded);
    HKEY key;
    if (RegOpenKeyExW(root, path, 0, KEY_READ, &key) == ERROR_SUCCESS) {
        for (DWORD i = 0, result = 0; result != ERROR_NO_MORE_ITEMS; i++) {
            DWORD name_size = 256, value_size = VALUE_LIMIT * sizeof *value, type;
            result = RegEnumValueW(key, i, name, &name_size, NULL, &type, (BYTE *)value, &value_size);
            if (result != ERROR_SUCCESS || (type != REG_SZ && type != REG_EXPAND_SZ) || !*name || is_protected(name))
                continue;
            value[value_size / sizeof *value] = 0;
            if (type == REG_EXPAND_SZ)
                expand(table, value, expanded);
            put(table, name, type == REG_EXPAND_SZ ? expanded : value, of_user);
        }
        RegCloseKey(key);
    }
    free(value);
    free(expanded);
}

/* The user as images name him whose owners write their names in other letters; the account that logs in stays the same. */
static BOOL other_user(WCHAR *name)
{
    return practice_text(L"UserName", name, NAME_LIMIT);
}

BOOL other_home(WCHAR *home)
{
    WCHAR name[NAME_LIMIT];
    BOOL other = other_user(name);
    swprintf(home, MAX_PATH, L"C:\\Users\\%ls", other ? name : USER);
    return other;
}

static void put_usual(struct table *table)
{
    WCHAR name[NAME_LIMIT], entry[MAX_PATH];
    BOOL other = other_user(name);
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++) {
        const WCHAR *user = other ? wcsstr(machine[i], USER) : NULL;
        if (user)
            swprintf(entry, MAX_PATH, L"%.*ls%ls%ls", (int)(user - machine[i]), machine[i], name, user + wcslen(USER));
        table->entries[table->count++] = _wcsdup(user ? entry : machine[i]);
    }
}

static void read_machine(struct table *table)
{
    read_key(table, HKEY_LOCAL_MACHINE, L"System\\CurrentControlSet\\Control\\Session Manager\\Environment", FALSE);
}

void remember_environment(void)
{
    put_usual(&service); /* what others refer to */
    read_machine(&service);
}

/* A service hands down what it was started with, if the switch says so: sshd since 8.9 puts the registry's variables of the
 * machine on top of that (1), before it did not look at them again (2). Else nothing is handed down. */
static void read_variables(struct table *table)
{
    DWORD way = practice_switch(L"ServiceEnvironment");
    for (int i = 0; way && i < service.count && table->count < LIMIT; i++) {
        WCHAR *name = _wcsdup(service.entries[i]), *value = wcschr(name, L'=');
        *value = 0;
        set(table, name, value + 1);
        free(name);
    }
    if (way < 2)
        read_machine(table);
    read_key(table, HKEY_CURRENT_USER, L"Environment", TRUE);
}

static int by_name(const void *left, const void *right)
{
    return _wcsicmp(*(WCHAR *const *)left, *(WCHAR *const *)right);
}

static WCHAR *join(struct table *table)
{
    size_t size = 1;
    WCHAR *block, *end;
    for (int i = 0; i < table->count; i++)
        size += wcslen(table->entries[i]) + 1;
    block = end = calloc(size, sizeof *block);
    qsort(table->entries, table->count, sizeof *table->entries, by_name);
    for (int i = 0; i < table->count; i++) {
        wcscpy(end, table->entries[i]);
        end += wcslen(end) + 1;
        free(table->entries[i]);
    }
    return block;
}

static void put_number(struct table *table, const WCHAR *name, DWORD number)
{
    WCHAR text[16];
    swprintf(text, 16, L"%lu", number);
    set(table, name, text);
}

static void put_text(struct table *table, const WCHAR *name, const char *text)
{
    WCHAR wide[128];
    if (*text && MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 128) > 0)
        set(table, name, wide);
}

static WCHAR *read_environment(struct request *request)
{
    struct table *table = calloc(1, sizeof *table);
    WCHAR computer[64] = L"";
    DWORD size = 64;
    WCHAR *block;
    SYSTEM_INFO system;
    put_usual(table);
    GetSystemInfo(&system);
    GetComputerNameW(computer, &size);
    put_number(table, L"NUMBER_OF_PROCESSORS", system.dwNumberOfProcessors);
    set(table, L"COMPUTERNAME", computer);
    set(table, L"USERDOMAIN", computer);
    read_variables(table);
    put_text(table, L"SSH_CLIENT", request->client);
    put_text(table, L"SSH_CONNECTION", request->path);
    block = join(table);
    free(table);
    return block;
}

static WCHAR *copy(const WCHAR *block)
{
    size_t size = 1;
    WCHAR *result;
    for (const WCHAR *entry = block; *entry; entry += wcslen(entry) + 1)
        size += wcslen(entry) + 1;
    result = malloc(size * sizeof *result);
    memcpy(result, block, size * sizeof *result);
    return result;
}

WCHAR *connection_environment(struct request *request)
{
    struct connection *connection = NULL;
    WCHAR *result;
    AcquireSRWLockExclusive(&guard);
    for (int i = 0; i < CONNECTIONS && !connection; i++)
        if (connections[i].block && connections[i].number == request->connection && strcmp(connections[i].path, request->path) == 0)
            connection = &connections[i];
    if (!connection) {
        connection = &connections[next_connection++ % CONNECTIONS];
        free(connection->block);
        connection->number = request->connection;
        snprintf(connection->path, sizeof connection->path, "%s", request->path);
        connection->block = read_environment(request);
    }
    result = copy(connection->block);
    ReleaseSRWLockExclusive(&guard);
    return result;
}
