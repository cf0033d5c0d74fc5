/* An SFTP server (protocol version 3) over Win32 calls: what it allows and refuses is what Windows' file functions do.
 *
 * It answers like Win32-OpenSSH's: same share modes, same few error codes, /C:/ paths. */
#include "sshd.h"
#include "sftp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_LIMIT (256 * 1024)
#define DATA_LIMIT (MESSAGE_LIMIT - 1024)
#define HANDLES 512
#define NAMES_AT_ONCE 100

enum { INIT = 1, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH,
       STAT, RENAME, READLINK, SYMLINK, STATUS = 101, HANDLE_REPLY, DATA, NAME, ATTRS, EXTENDED = 200, EXTENDED_REPLY };
enum { OK, END_OF_FILE, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 8 };
enum { HAS_SIZE = 1, HAS_OWNER = 2, HAS_MODE = 4, HAS_TIMES = 8 };
enum { FOR_READ = 1, FOR_WRITE = 2, FOR_APPEND = 4, CREATE = 8, TRUNCATE = 16, EXCLUSIVE = 32 };

struct attributes {
    UINT32 flags, mode, accessed, modified;
    UINT64 size;
};

/* An open file or directory. */
struct entry {
    HANDLE file;                /* INVALID_HANDLE_VALUE for a directory */
    BOOL append;
    HANDLE search;
    WIN32_FIND_DATAW found;
    BOOL pending;               /* `found` has not been sent yet */
    DWORD drives;               /* bits of the drives still to be listed */
};

struct session {
    HANDLE in, out;
    unsigned char *input, *output;      /* bytes received and not yet handled; replies not yet sent */
    size_t received, prepared, output_size;
    const unsigned char *next, *end;    /* what is left of the message at hand */
    BOOL damaged;                       /* the message was shorter than it said */
    size_t reply;                       /* where in `output` the reply at hand begins */
    struct entry *entries[HANDLES];
    WCHAR path[PATH_LIMIT], second[PATH_LIMIT];
    char text[PATH_LIMIT * 3];
};

/* --- reading a message --- */

static UINT32 get_u32(struct session *s)
{
    if (s->end - s->next < 4) {
        s->damaged = TRUE;
        return 0;
    }
    s->next += 4;
    return (UINT32)s->next[-4] << 24 | s->next[-3] << 16 | s->next[-2] << 8 | s->next[-1];
}

static UINT64 get_u64(struct session *s)
{
    UINT64 high = get_u32(s);
    return high << 32 | get_u32(s);
}

static const unsigned char *get_bytes(struct session *s, UINT32 *length)
{
    *length = get_u32(s);
    if ((size_t)(s->end - s->next) < *length) {
        s->damaged = TRUE;
        *length = 0;
    }
    s->next += *length;
    return s->next - *length;
}

static const char *get_text(struct session *s)
{
    UINT32 length;
    const unsigned char *bytes = get_bytes(s, &length);
    if (length >= sizeof s->text)
        length = 0, s->damaged = TRUE;
    memcpy(s->text, bytes, length);
    s->text[length] = 0;
    return s->text;
}

static BOOL get_path(struct session *s, WCHAR *path)
{
    return windows_path(get_text(s), path);
}

static struct attributes get_attributes(struct session *s)
{
    struct attributes a = {.flags = get_u32(s)};
    if (a.flags & HAS_SIZE)
        a.size = get_u64(s);
    if (a.flags & HAS_OWNER)
        get_u32(s), get_u32(s);
    if (a.flags & HAS_MODE)
        a.mode = get_u32(s);
    if (a.flags & HAS_TIMES)
        a.accessed = get_u32(s), a.modified = get_u32(s);
    return a;
}

static struct entry *get_entry(struct session *s, UINT32 *number)
{
    UINT32 length;
    const unsigned char *bytes = get_bytes(s, &length);
    *number = length == 4 ? (UINT32)bytes[2] << 8 | bytes[3] : HANDLES;
    return *number < HANDLES ? s->entries[*number] : NULL;
}

/* --- writing a reply --- */

static void put_bytes(struct session *s, const void *bytes, size_t length)
{
    if (s->prepared + length > s->output_size) {
        s->output_size = (s->prepared + length) * 2;
        s->output = realloc(s->output, s->output_size);
    }
    memcpy(s->output + s->prepared, bytes, length);
    s->prepared += length;
}

static void put_u8(struct session *s, unsigned char value)
{
    put_bytes(s, &value, 1);
}

static void put_u32(struct session *s, UINT32 value)
{
    unsigned char bytes[] = {value >> 24, value >> 16, value >> 8, value};
    put_bytes(s, bytes, 4);
}

static void put_u64(struct session *s, UINT64 value)
{
    put_u32(s, value >> 32);
    put_u32(s, (UINT32)value);
}

static void put_text(struct session *s, const char *text)
{
    put_u32(s, strlen(text));
    put_bytes(s, text, strlen(text));
}

static void begin(struct session *s, unsigned char type, UINT32 id)
{
    s->reply = s->prepared;
    put_u32(s, 0);
    put_u8(s, type);
    put_u32(s, id);
}

static void end(struct session *s)
{
    size_t length = s->prepared - s->reply - 4;
    for (int i = 0; i < 4; i++)
        s->output[s->reply + i] = length >> (24 - 8 * i);
}

static void reply_status(struct session *s, UINT32 id, UINT32 status)
{
    static const char *const texts[] = {"Success", "End of file", "No such file", "Permission denied", "Failure", "Bad message",
                                        "No connection", "Connection lost", "Operation unsupported"};
    begin(s, STATUS, id);
    put_u32(s, status);
    put_text(s, texts[status]);
    put_text(s, "");
    end(s);
}

/* Windows' sshd knows few of Windows' errors: what has no counterpart becomes a plain failure. */
static UINT32 status_of(DWORD error)
{
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_INVALID_NAME:
    case ERROR_DIRECTORY: /* what wine calls a path through a file */
        return NO_SUCH_FILE;
    case ERROR_ACCESS_DENIED:
        return PERMISSION_DENIED;
    case ERROR_HANDLE_EOF:
        return END_OF_FILE;
    default:
        return FAILURE;
    }
}

static void reply(struct session *s, UINT32 id, BOOL success)
{
    reply_status(s, id, success ? OK : status_of(GetLastError()));
}

/* Windows' sshd removes by the C runtime, to which a file in use is one without permission. */
static void reply_removed(struct session *s, UINT32 id, BOOL success)
{
    if (!success && GetLastError() == ERROR_SHARING_VIOLATION)
        SetLastError(ERROR_ACCESS_DENIED);
    reply(s, id, success);
}

/* --- attributes --- */

static UINT32 unix_time(FILETIME time)
{
    UINT64 ticks = (UINT64)time.dwHighDateTime << 32 | time.dwLowDateTime;
    return ticks < 116444736000000000ULL ? 0 : (UINT32)((ticks - 116444736000000000ULL) / 10000000);
}

static FILETIME windows_time(UINT32 seconds)
{
    UINT64 ticks = seconds * 10000000ULL + 116444736000000000ULL;
    return (FILETIME){(DWORD)ticks, ticks >> 32};
}

static struct attributes attributes_of(DWORD bits, FILETIME accessed, FILETIME modified, UINT64 size)
{
    struct attributes a = {.flags = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES, .size = size};
    a.mode = bits & FILE_ATTRIBUTE_DIRECTORY ? 0040777 : bits & FILE_ATTRIBUTE_READONLY ? 0100444 : 0100666;
    a.accessed = unix_time(accessed);
    a.modified = unix_time(modified);
    return a;
}

static void put_attributes(struct session *s, const struct attributes *a)
{
    put_u32(s, a->flags);
    put_u64(s, a->size);
    put_u32(s, 0), put_u32(s, 0);
    put_u32(s, a->mode);
    put_u32(s, a->accessed), put_u32(s, a->modified);
}

static const struct attributes drive_attributes = {.flags = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES, .mode = 0040777};

static BOOL read_attributes(const WCHAR *path, struct attributes *a)
{
    WIN32_FILE_ATTRIBUTE_DATA data;
    *a = drive_attributes;
    if (!*path)
        return TRUE;
    if (!GetFileAttributesExW(path, GetFileExInfoStandard, &data))
        return FALSE;
    *a = attributes_of(data.dwFileAttributes, data.ftLastAccessTime, data.ftLastWriteTime, (UINT64)data.nFileSizeHigh << 32 | data.nFileSizeLow);
    return TRUE;
}

static BOOL set_size(HANDLE file, UINT64 size)
{
    FILE_END_OF_FILE_INFO end_of_file = {.EndOfFile.QuadPart = size};
    return SetFileInformationByHandle(file, FileEndOfFileInfo, &end_of_file, sizeof end_of_file);
}

static BOOL set_times(HANDLE file, const struct attributes *a)
{
    FILETIME accessed = windows_time(a->accessed), modified = windows_time(a->modified);
    return SetFileTime(file, NULL, &accessed, &modified);
}

/* Of the mode only one bit has a meaning on Windows: without the owner's write permission a file is read-only. */
static BOOL set_mode(const WCHAR *path, UINT32 mode)
{
    DWORD bits = GetFileAttributesW(path);
    if (bits == INVALID_FILE_ATTRIBUTES)
        return FALSE;
    bits = mode & 0200 ? bits & ~FILE_ATTRIBUTE_READONLY : bits | FILE_ATTRIBUTE_READONLY;
    return SetFileAttributesW(path, bits);
}

static BOOL set_attributes(const WCHAR *path, const struct attributes *a)
{
    DWORD access = (a->flags & HAS_SIZE ? GENERIC_WRITE : 0) | FILE_WRITE_ATTRIBUTES;
    BOOL good = TRUE;
    HANDLE file = INVALID_HANDLE_VALUE;
    if (a->flags & (HAS_SIZE | HAS_TIMES)) {
        file = CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
        if (file == INVALID_HANDLE_VALUE)
            return FALSE;
    }
    if (a->flags & HAS_SIZE)
        good = set_size(file, a->size);
    if (good && a->flags & HAS_TIMES)
        good = set_times(file, a);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return good && (!(a->flags & HAS_MODE) || set_mode(path, a->mode));
}

/* --- open files --- */

static void reply_handle(struct session *s, UINT32 id, struct entry *entry)
{
    for (int number = 0; number < HANDLES; number++)
        if (!s->entries[number]) {
            s->entries[number] = entry;
            begin(s, HANDLE_REPLY, id);
            put_u32(s, 4);
            put_u32(s, number);
            end(s);
            return;
        }
    if (entry->file != INVALID_HANDLE_VALUE)
        CloseHandle(entry->file);
    if (entry->search != INVALID_HANDLE_VALUE)
        FindClose(entry->search);
    free(entry);
    reply_status(s, id, FAILURE);
}

static struct entry *new_entry(void)
{
    struct entry *entry = calloc(1, sizeof *entry);
    entry->file = entry->search = INVALID_HANDLE_VALUE;
    return entry;
}

static DWORD disposition(UINT32 flags)
{
    if (!(flags & CREATE))
        return flags & TRUNCATE ? TRUNCATE_EXISTING : OPEN_EXISTING;
    return flags & EXCLUSIVE ? CREATE_NEW : flags & TRUNCATE ? CREATE_ALWAYS : OPEN_ALWAYS;
}

static void open_file(struct session *s, UINT32 id)
{
    BOOL good = get_path(s, s->path);
    UINT32 flags = get_u32(s);
    struct attributes a = get_attributes(s);
    DWORD access = (flags & FOR_READ ? GENERIC_READ : 0) | (flags & (FOR_WRITE | FOR_APPEND) ? GENERIC_WRITE : 0);
    DWORD share = access == GENERIC_READ ? FILE_SHARE_READ | FILE_SHARE_WRITE : access == GENERIC_WRITE ? FILE_SHARE_WRITE : 0;
    DWORD bits = a.flags & HAS_MODE && !(a.mode & 0200) ? FILE_ATTRIBUTE_READONLY : FILE_ATTRIBUTE_NORMAL;
    struct entry *entry;
    if (!good || !*s->path) {
        reply_status(s, id, good ? FAILURE : status_of(GetLastError()));
        return;
    }
    if (is_held(s->path)) {
        SetLastError(ERROR_SHARING_VIOLATION);
        reply(s, id, FALSE);
        return;
    }
    entry = new_entry();
    entry->append = (flags & FOR_APPEND) != 0;
    entry->file = CreateFileW(s->path, access, share, NULL, disposition(flags), bits, NULL);
    if (entry->file == INVALID_HANDLE_VALUE) {
        reply(s, id, FALSE);
        free(entry);
        return;
    }
    reply_handle(s, id, entry);
}

static void close_entry(struct session *s, UINT32 number)
{
    struct entry *entry = s->entries[number];
    s->entries[number] = NULL;
    if (entry->file != INVALID_HANDLE_VALUE)
        CloseHandle(entry->file);
    if (entry->search != INVALID_HANDLE_VALUE)
        FindClose(entry->search);
    free(entry);
}

static void close_handle(struct session *s, UINT32 id)
{
    UINT32 number;
    if (!get_entry(s, &number)) {
        reply_status(s, id, FAILURE);
        return;
    }
    close_entry(s, number);
    reply_status(s, id, OK);
}

static OVERLAPPED at(UINT64 offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = offset >> 32};
}

static void read_file(struct session *s, UINT32 id)
{
    UINT32 number, length;
    struct entry *entry = get_entry(s, &number);
    OVERLAPPED position = at(get_u64(s));
    DWORD got = 0;
    unsigned char *buffer;
    length = get_u32(s);
    length = length > DATA_LIMIT ? DATA_LIMIT : length;
    if (!entry || entry->file == INVALID_HANDLE_VALUE) {
        reply_status(s, id, FAILURE);
        return;
    }
    buffer = malloc(length + 1);
    if (!ReadFile(entry->file, buffer, length, &got, &position)) {
        reply(s, id, FALSE);
    } else if (got == 0 && length > 0) {
        reply_status(s, id, END_OF_FILE);
    } else {
        begin(s, DATA, id);
        put_u32(s, got);
        put_bytes(s, buffer, got);
        end(s);
    }
    free(buffer);
}

static void write_file(struct session *s, UINT32 id)
{
    UINT32 number, length;
    struct entry *entry = get_entry(s, &number);
    UINT64 offset = get_u64(s);
    const unsigned char *data = get_bytes(s, &length);
    OVERLAPPED position = at(offset);
    DWORD put = 0;
    if (!entry || entry->file == INVALID_HANDLE_VALUE || s->damaged) {
        reply_status(s, id, FAILURE);
        return;
    }
    if (entry->append)
        position = (OVERLAPPED){.Offset = 0xFFFFFFFF, .OffsetHigh = 0xFFFFFFFF};
    reply(s, id, WriteFile(entry->file, data, length, &put, &position) && put == length);
}

/* --- directories --- */

static void open_directory(struct session *s, UINT32 id)
{
    struct entry *entry;
    if (!get_path(s, s->path) || wcslen(s->path) + 3 > PATH_LIMIT) {
        reply(s, id, FALSE);
        return;
    }
    entry = new_entry();
    if (*s->path) {
        wcscat(s->path, s->path[wcslen(s->path) - 1] == L'\\' ? L"*" : L"\\*");
        entry->search = FindFirstFileW(s->path, &entry->found);
        entry->pending = entry->search != INVALID_HANDLE_VALUE;
        if (!entry->pending && GetLastError() != ERROR_FILE_NOT_FOUND) { /* an empty drive has not even "." */
            reply_status(s, id, GetLastError() == ERROR_DIRECTORY ? FAILURE : status_of(GetLastError()));
            free(entry);
            return;
        }
    } else {
        entry->drives = GetLogicalDrives();
    }
    reply_handle(s, id, entry);
}

static void put_name(struct session *s, const char *name, const struct attributes *a)
{
    char line[PATH_LIMIT / 8];
    snprintf(line, sizeof line, "%crw%crw%crw%c    1 -        -        %12llu %s", a->mode & 0040000 ? 'd' : '-', a->mode & 1 ? 'x' : '-',
             a->mode & 1 ? 'x' : '-', a->mode & 1 ? 'x' : '-', a->size, name);
    put_text(s, name);
    put_text(s, line);
    put_attributes(s, a);
}

/* Put the directory's next name into the reply; FALSE at its end. */
static BOOL put_next(struct session *s, struct entry *entry)
{
    char name[1024];
    struct attributes a = drive_attributes;
    if (entry->drives) {
        int letter = __builtin_ctz(entry->drives);
        entry->drives &= entry->drives - 1;
        snprintf(name, sizeof name, "%c:", 'A' + letter);
    } else {
        if (!entry->pending && (entry->search == INVALID_HANDLE_VALUE || !FindNextFileW(entry->search, &entry->found)))
            return FALSE;
        entry->pending = FALSE;
        WideCharToMultiByte(CP_UTF8, 0, entry->found.cFileName, -1, name, sizeof name, NULL, NULL);
        a = attributes_of(entry->found.dwFileAttributes, entry->found.ftLastAccessTime, entry->found.ftLastWriteTime,
                          (UINT64)entry->found.nFileSizeHigh << 32 | entry->found.nFileSizeLow);
    }
    put_name(s, name, &a);
    return TRUE;
}

static void read_directory(struct session *s, UINT32 id)
{
    UINT32 number, count = 0;
    struct entry *entry = get_entry(s, &number);
    size_t where;
    if (!entry || entry->file != INVALID_HANDLE_VALUE) {
        reply_status(s, id, FAILURE);
        return;
    }
    begin(s, NAME, id);
    where = s->prepared;
    put_u32(s, 0);
    while (count < NAMES_AT_ONCE && put_next(s, entry))
        count++;
    if (count > 0) {
        s->output[where + 3] = count;
        end(s);
    } else {
        s->prepared = s->reply;
        reply_status(s, id, END_OF_FILE);
    }
}

/* --- the rest --- */

static void reply_name(struct session *s, UINT32 id, const WCHAR *path)
{
    client_path(path, s->text);
    begin(s, NAME, id);
    put_u32(s, 1);
    put_text(s, s->text);
    put_text(s, s->text);
    put_u32(s, 0);
    end(s);
}

static void reply_attributes(struct session *s, UINT32 id, BOOL good, const struct attributes *a)
{
    if (!good) {
        reply(s, id, FALSE);
        return;
    }
    begin(s, ATTRS, id);
    put_attributes(s, a);
    end(s);
}

static void stat_handle(struct session *s, UINT32 id)
{
    UINT32 number;
    struct entry *entry = get_entry(s, &number);
    BY_HANDLE_FILE_INFORMATION i;
    struct attributes a = drive_attributes;
    BOOL good = entry && (entry->file == INVALID_HANDLE_VALUE || GetFileInformationByHandle(entry->file, &i));
    if (good && entry->file != INVALID_HANDLE_VALUE)
        a = attributes_of(i.dwFileAttributes, i.ftLastAccessTime, i.ftLastWriteTime, (UINT64)i.nFileSizeHigh << 32 | i.nFileSizeLow);
    reply_attributes(s, id, good, &a);
}

static void set_handle(struct session *s, UINT32 id)
{
    UINT32 number;
    struct entry *entry = get_entry(s, &number);
    struct attributes a = get_attributes(s);
    BOOL good = entry && entry->file != INVALID_HANDLE_VALUE;
    SetLastError(ERROR_INVALID_HANDLE);
    if (good && a.flags & HAS_SIZE)
        good = set_size(entry->file, a.size);
    if (good && a.flags & HAS_TIMES)
        good = set_times(entry->file, &a);
    if (good && a.flags & HAS_MODE)
        good = GetFinalPathNameByHandleW(entry->file, s->path, PATH_LIMIT, 0) && set_mode(s->path, a.mode);
    reply(s, id, good);
}

static void move(struct session *s, UINT32 id, DWORD flags)
{
    BOOL good = get_path(s, s->path) && get_path(s, s->second);
    reply(s, id, good && rename_path(s->path, s->second, flags));
}

static void flush_file(struct session *s, UINT32 id)
{
    UINT32 number;
    struct entry *entry = get_entry(s, &number);
    SetLastError(ERROR_INVALID_HANDLE);
    reply(s, id, entry && entry->file != INVALID_HANDLE_VALUE && FlushFileBuffers(entry->file));
}

static void reply_limits(struct session *s, UINT32 id)
{
    begin(s, EXTENDED_REPLY, id);
    put_u64(s, MESSAGE_LIMIT), put_u64(s, DATA_LIMIT), put_u64(s, DATA_LIMIT), put_u64(s, HANDLES);
    end(s);
}

static void reply_space(struct session *s, UINT32 id)
{
    ULARGE_INTEGER available, total, unused;
    WCHAR drive[] = L"C:\\";
    const UINT64 block = 4096;
    if (!get_path(s, s->path) || (*s->path && (drive[0] = s->path[4], 0)) || !GetDiskFreeSpaceExW(drive, &available, &total, &unused)) {
        reply(s, id, FALSE);
        return;
    }
    begin(s, EXTENDED_REPLY, id);
    put_u64(s, block), put_u64(s, block);
    put_u64(s, total.QuadPart / block), put_u64(s, unused.QuadPart / block), put_u64(s, available.QuadPart / block);
    for (int i = 0; i < 5; i++) /* inodes and flags, which Windows has not */
        put_u64(s, 0);
    put_u64(s, 255);
    end(s);
}

static void extended(struct session *s, UINT32 id)
{
    struct attributes a;
    const char *name = get_text(s);
    if (strcmp(name, "posix-rename@openssh.com") == 0) {
        move(s, id, MOVEFILE_REPLACE_EXISTING | MOVEFILE_COPY_ALLOWED);
    } else if (strcmp(name, "hardlink@openssh.com") == 0) {
        BOOL good = get_path(s, s->path) && get_path(s, s->second);
        reply(s, id, good && CreateHardLinkW(s->second, s->path, NULL));
    } else if (strcmp(name, "fsync@openssh.com") == 0) {
        flush_file(s, id);
    } else if (strcmp(name, "limits@openssh.com") == 0) {
        reply_limits(s, id);
    } else if (strcmp(name, "statvfs@openssh.com") == 0) {
        reply_space(s, id);
    } else if (strcmp(name, "lsetstat@openssh.com") == 0) {
        BOOL good = get_path(s, s->path);
        a = get_attributes(s);
        reply(s, id, good && set_attributes(s->path, &a));
    } else {
        reply_status(s, id, UNSUPPORTED);
    }
}

static void greet(struct session *s)
{
    static const char *const extensions[][2] = {
        {"posix-rename@openssh.com", "1"}, {"statvfs@openssh.com", "2"}, {"hardlink@openssh.com", "1"},
        {"fsync@openssh.com", "1"}, {"lsetstat@openssh.com", "1"}, {"limits@openssh.com", "1"},
    };
    begin(s, VERSION, 3); /* the version is where other replies have the number of the request */
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        put_text(s, extensions[i][0]), put_text(s, extensions[i][1]);
    end(s);
}

/* Answer a message about one path. */
static void answer_path(struct session *s, unsigned char type, UINT32 id)
{
    struct attributes a;
    if (!get_path(s, s->path)) {
        reply(s, id, FALSE);
        return;
    }
    switch (type) {
    case STAT:
    case LSTAT:
        reply_attributes(s, id, read_attributes(s->path, &a), &a);
        break;
    case SETSTAT:
        a = get_attributes(s);
        reply(s, id, set_attributes(s->path, &a));
        break;
    case REMOVE:
        reply_removed(s, id, remove_file(s->path));
        break;
    case MKDIR:
        reply(s, id, CreateDirectoryW(s->path, NULL));
        break;
    case RMDIR:
        reply_removed(s, id, remove_directory(s->path));
        break;
    case REALPATH:
        reply_name(s, id, s->path);
        break;
    }
}

static void answer(struct session *s)
{
    unsigned char type = *s->next++;
    UINT32 id = get_u32(s);
    switch (type) {
    case INIT: greet(s); break;
    case OPEN: open_file(s, id); break;
    case CLOSE: close_handle(s, id); break;
    case READ: read_file(s, id); break;
    case WRITE: write_file(s, id); break;
    case FSTAT: stat_handle(s, id); break;
    case FSETSTAT: set_handle(s, id); break;
    case OPENDIR: open_directory(s, id); break;
    case READDIR: read_directory(s, id); break;
    case RENAME: move(s, id, 0); break;
    case EXTENDED: extended(s, id); break;
    case LSTAT: case STAT: case SETSTAT: case REMOVE: case MKDIR: case RMDIR: case REALPATH: answer_path(s, type, id); break;
    default: reply_status(s, id, UNSUPPORTED);
    }
}

static BOOL send_replies(struct session *s)
{
    size_t sent = 0;
    DWORD put;
    while (sent < s->prepared && WriteFile(s->out, s->output + sent, s->prepared - sent, &put, NULL))
        sent += put;
    s->prepared -= sent;
    return s->prepared == 0;
}

/* Answer every whole message received; FALSE if the client does not speak SFTP. */
static BOOL answer_all(struct session *s)
{
    size_t used = 0;
    while (s->received - used >= 4) {
        UINT32 length;
        s->next = s->input + used;
        s->end = s->next + 4;
        length = get_u32(s);
        if (length < 5 || length > MESSAGE_LIMIT)
            return FALSE;
        if (s->received - used - 4 < length)
            break;
        s->end = s->next + length;
        s->damaged = FALSE;
        answer(s);
        used += 4 + length;
        if (s->prepared > MESSAGE_LIMIT && !send_replies(s))
            return FALSE;
    }
    s->received -= used;
    memmove(s->input, s->input + used, s->received);
    return TRUE;
}

DWORD serve_sftp(HANDLE in, HANDLE out)
{
    const size_t room = 2 * MESSAGE_LIMIT;
    struct session *s = calloc(1, sizeof *s);
    DWORD got;
    s->in = in, s->out = out;
    s->input = malloc(room);
    while (ReadFile(in, s->input + s->received, room - s->received, &got, NULL) && got > 0) {
        s->received += got;
        if (!answer_all(s) || !send_replies(s))
            break;
    }
    for (UINT32 number = 0; number < HANDLES; number++)
        if (s->entries[number])
            close_entry(s, number);
    free(s->input);
    free(s->output);
    free(s);
    return 0;
}
