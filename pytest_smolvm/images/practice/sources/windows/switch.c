/* Switches: how a running guest is made harsher, each a number in the registry, or a word (docs/practice-guest.md names them). */
#include "switch.h"

#define KEY L"SOFTWARE\\pytest-smolvm\\practice"

DWORD practice_switch(const WCHAR *name)
{
    DWORD value = 0, size = sizeof value;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, KEY, name, RRF_RT_REG_DWORD, NULL, &value, &size) != ERROR_SUCCESS)
        return 0;
    return value;
}

BOOL practice_text(const WCHAR *name, WCHAR *text, DWORD count)
{
    DWORD size = count * sizeof *text;
    return RegGetValueW(HKEY_LOCAL_MACHINE, KEY, name, RRF_RT_REG_SZ, NULL, text, &size) == ERROR_SUCCESS && *text;
}
