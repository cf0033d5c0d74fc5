/* Stand-ins for what tells and decides who is logged on at the screen: a part of wtsapi32.dll, and the part of advapi32.dll
 * that keeps secrets, of which wine (10.0) has none.
 * When it is asked first after a start of the system, somebody is logged on if Winlogon's values say so and the secret
 * DefaultPassword is smolvm's password; and he stays so until the next start. */
#include <stdio.h>
#include <windows.h>

#define WINLOGON L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon"
#define PLACE L"Software\\pytest-smolvm stand-in"
#define PASSWORD L"smolvm"
#define NOT_FOUND 0xC0000034

struct text { USHORT length, room; WCHAR *text; };
enum { USER_NAME = 5, DOMAIN_NAME = 7 };

static void path_of(const WCHAR *name, WCHAR path[MAX_PATH]) { swprintf(path, MAX_PATH, L"C:\\T\\secret-%ls", name); }

static BOOL is_right(void)
{
    WCHAR path[MAX_PATH], kept[64] = L"";
    path_of(L"DefaultPassword", path);
    FILE *file = _wfopen(path, L"rb");
    if (!file)
        return FALSE;
    fread(kept, sizeof *kept, 63, file);
    fclose(file);
    return !wcscmp(kept, PASSWORD);
}

/* What Winlogon was told when the system started. */
static void read_at_start(const WCHAR *name, WCHAR *value, DWORD size)
{
    WCHAR automatic[8] = L"";
    DWORD fresh, length = sizeof automatic;
    HKEY key;
    *value = 0;
    if (RegCreateKeyExW(HKEY_CURRENT_USER, PLACE, 0, NULL, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, NULL, &key, &fresh))
        return;
    if (fresh == REG_CREATED_NEW_KEY) {
        const WCHAR *names[] = {L"DefaultUserName", L"DefaultDomainName"};
        RegGetValueW(HKEY_LOCAL_MACHINE, WINLOGON, L"AutoAdminLogon", RRF_RT_REG_SZ, NULL, automatic, &length);
        for (int i = 0; i < 2; i++) {
            WCHAR found[256] = L"";
            DWORD room = sizeof found;
            if (automatic[0] == '1' && is_right())
                RegGetValueW(HKEY_LOCAL_MACHINE, WINLOGON, names[i], RRF_RT_REG_SZ, NULL, found, &room);
            RegSetKeyValueW(key, NULL, names[i], REG_SZ, found, 2 * (wcslen(found) + 1));
        }
    }
    RegGetValueW(key, NULL, name, RRF_RT_REG_SZ, NULL, value, &size);
    RegCloseKey(key);
}

BOOL WINAPI stand_in_query(HANDLE server, DWORD session, int what, WCHAR **text, DWORD *size)
{
    *text = LocalAlloc(LPTR, 512);
    read_at_start(what == DOMAIN_NAME ? L"DefaultDomainName" : L"DefaultUserName", *text, 512);
    *size = 2 * (wcslen(*text) + 1);
    return what == USER_NAME || what == DOMAIN_NAME;
}

void WINAPI stand_in_free(void *memory) { LocalFree(memory); }

ULONG WINAPI stand_in_open(void *computer, void *attributes, ULONG access, void **policy)
{
    *policy = NULL;
    return 0;
}

ULONG WINAPI stand_in_store(void *policy, struct text *name, struct text *data)
{
    WCHAR called[64] = L"", path[MAX_PATH];
    memcpy(called, name->text, name->length);
    path_of(called, path);
    if (!data)
        return DeleteFileW(path) ? 0 : NOT_FOUND;
    FILE *file = _wfopen(path, L"wb");
    fwrite(data->text, 1, data->length, file);
    fclose(file);
    return 0;
}

ULONG WINAPI stand_in_error(ULONG status) { return status; }

ULONG WINAPI stand_in_close(void *policy) { return 0; }
