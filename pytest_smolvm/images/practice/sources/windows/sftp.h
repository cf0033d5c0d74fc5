/* Shared by the parts of the SFTP server. */
#ifndef SFTP_H
#define SFTP_H

#include <windows.h>

#define PATH_LIMIT 32768 /* characters */

/* paths.c: turn what a client sent into an absolute path for Windows' functions, "" for the list of drives.
 * FALSE, with an error of Windows', if it could have no such file. `path` has room for PATH_LIMIT characters. */
BOOL windows_path(const char *text, WCHAR *path);

/* paths.c: the reverse, as "/C:/x". `text` has room for PATH_LIMIT * 3 bytes. */
void client_path(const WCHAR *path, char *text);

/* names.c: MoveFileExW as the guest's switches have it. */
BOOL rename_path(const WCHAR *from, const WCHAR *to, DWORD flags);

/* names.c: whether a scanner that shares nothing has a file, from when it is opened for the first time since it is there. */
BOOL is_held(const WCHAR *path);

/* names.c: remove an empty directory, or a junction itself. */
BOOL remove_directory(const WCHAR *path);
BOOL remove_file(const WCHAR *path);

#endif
