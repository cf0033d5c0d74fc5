/* Switches: how a running guest is made harsher, each a number in the registry (docs/practice-guest.md names them). */
#include "switch.h"

DWORD practice_switch(const WCHAR *name)
{
    DWORD value = 0, size = sizeof value;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\pytest-smolvm\\practice", name, RRF_RT_REG_DWORD, NULL, &value, &size) != ERROR_SUCCESS)
        return 0;
    return value;
}
