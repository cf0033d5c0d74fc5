/* From the paths that an SFTP client sends to the ones that Windows opens. */
#include "sshd.h"
#include "sftp.h"
#include "switch.h"
#include <stdlib.h>

static BOOL is_drive(const WCHAR *text)
{
    return iswalpha(text[0]) && text[1] == L':' && (text[2] == 0 || text[2] == L'\\');
}

static BOOL is_device(const WCHAR *name, size_t length)
{
    static const WCHAR *const devices[] = {L"con", L"prn", L"aux", L"nul"};
    size_t stem = 0;
    while (stem < length && name[stem] != L'.')
        stem++;
    while (stem > 0 && name[stem - 1] == L' ')
        stem--;
    for (int i = 0; i < 4; i++)
        if (stem == 3 && _wcsnicmp(name, devices[i], 3) == 0)
            return TRUE;
    return stem == 4 && name[3] >= L'1' && name[3] <= L'9' && (_wcsnicmp(name, L"com", 3) == 0 || _wcsnicmp(name, L"lpt", 3) == 0);
}

/* Whether Windows could make a file of this name. */
static BOOL is_legal(const WCHAR *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] < 32 || wcschr(L"<>:\"|?*", name[i]))
            return FALSE;
    return length < 256 && !(length == 2 && wcsncmp(name, L"..", 2) == 0) && !is_device(name, length);
}

/* What Windows leaves of a name: one dot at its end goes, of the last in a path all dots and blanks. */
static size_t trimmed(const WCHAR *name, size_t length, BOOL last)
{
    if (!last)
        return length - (name[length - 1] == L'.');
    while (length > 0 && (name[length - 1] == L'.' || name[length - 1] == L' '))
        length--;
    return length;
}

/* Append the components of `from` to `to`, resolving "." and ".."; FALSE if one of them is illegal. */
static BOOL append(WCHAR *to, const WCHAR *from)
{
    while (*from) {
        size_t length = wcscspn(from, L"\\");
        if (length == 2 && wcsncmp(from, L"..", 2) == 0) {
            WCHAR *last = wcsrchr(to, L'\\');
            if (last)
                *last = 0;
        } else if (length > 0) {
            size_t left = trimmed(from, length, !from[length + wcsspn(from + length, L"\\")]);
            if (!is_legal(from, left) || wcslen(to) + left + 2 > PATH_LIMIT)
                return FALSE;
            if (left > 0) {
                wcscat(to, L"\\");
                wcsncat(to, from, left);
            }
        }
        from += length + (from[length] != 0);
    }
    return TRUE;
}

BOOL windows_path(const char *text, WCHAR *path)
{
    WCHAR *wide = malloc(PATH_LIMIT * sizeof *wide), *rest = wide;
    BOOL good = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, PATH_LIMIT) > 0;
    for (WCHAR *letter = wide; good && *letter; letter++)
        if (*letter == L'/')
            *letter = L'\\';
    if (good && *rest == L'\\' && is_drive(rest + 1))
        rest++;
    if (good && wcscmp(rest, L"\\") == 0) { /* the list of drives */
        *path = 0;
    } else if (good) {
        wcscpy(path, L"\\\\?\\C:");
        if (is_drive(rest)) {
            path[4] = *rest;
            rest += 2;
        } else if (*rest != L'\\') {
            other_home(path + 4);
        }
        good = append(path + 4, rest);
        if (good && wcslen(path) == 6)
            wcscat(path, L"\\");
    }
    free(wide);
    SetLastError(ERROR_INVALID_NAME);
    if (good && practice_switch(L"PathMax260") && wcslen(path) >= MAX_PATH + 4) { /* sshd 7.7; behind the prefix */
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        good = FALSE;
    }
    return good;
}

void client_path(const WCHAR *path, char *text)
{
    *text++ = '/';
    *text = 0;
    if (*path)
        WideCharToMultiByte(CP_UTF8, 0, path + 4, -1, text, PATH_LIMIT * 3, NULL, NULL);
    for (; *text; text++)
        if (*text == '\\')
            *text = '/';
}
