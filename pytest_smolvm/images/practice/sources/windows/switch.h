/* What the guest's programs ask of its switches. */
#ifndef SWITCH_H
#define SWITCH_H

#include <windows.h>

/* The number that a switch is set to; 0 if it is not. */
DWORD practice_switch(const WCHAR *name);

/* The same for one that is a word of less than `count` characters; FALSE if there is none. */
BOOL practice_text(const WCHAR *name, WCHAR *text, DWORD count);

#endif
