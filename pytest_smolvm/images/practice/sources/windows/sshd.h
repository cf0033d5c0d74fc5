/* Shared by the parts of sshd.exe. */
#ifndef SSHD_H
#define SSHD_H

#define WINVER 0x0A00
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <wchar.h>

#define COMMAND_LIMIT 32768
#define USER L"smolvm"
#define HOME L"C:\\Users\\" USER
#define SHELL_PATH L"\"c:\\windows\\system32\\cmd.exe\""

/* One request of an SSH client: its streams are named pipes that the Linux side has made. */
struct request {
    int number;                     /* process id of the shell on the Linux side */
    int connection;                 /* process id of the sshd that serves the connection */
    enum { EXEC, SHELL, SFTP } kind;
    char client[128];               /* SSH_CLIENT */
    char path[128];                 /* SSH_CONNECTION */
    WCHAR command[COMMAND_LIMIT];
    HANDLE in, out, err, done;
    HANDLE job;                     /* holds every process of the request; NULL until it runs */
    struct request *next;
};

/* sshd.c: let a "signal" of the client find the request's processes (NULL: no more). */
void set_job(struct request *request, HANDLE job);

/* session.c: run a program for a request and return its exit code. */
DWORD run_program(struct request *request);

/* spare.c: hand a request to a shell that waits for one; FALSE if none does. */
BOOL start_spare(struct request *request, const WCHAR *command, const WCHAR *environment, HANDLE job, PROCESS_INFORMATION *process);

/* spare.c: have shells wait for the requests to come. */
void refill_spares(void);

/* console.c: have what is started next share the console of the request's connection, until `unshare_console`; FALSE if each
 * request has its own. */
BOOL share_console(struct request *request);
void unshare_console(void);

/* environment.c: remember what this service was started with. */
void remember_environment(void);

/* environment.c: put the user's home directory into `home`, of MAX_PATH characters; FALSE if it is the one that is HOME. */
BOOL other_home(WCHAR *home);

/* environment.c: a copy of the environment block of the request's connection; the caller frees it. */
WCHAR *connection_environment(struct request *request);

/* sftp.c: serve the SFTP protocol until the client ends it. */
DWORD serve_sftp(HANDLE in, HANDLE out);

#endif
