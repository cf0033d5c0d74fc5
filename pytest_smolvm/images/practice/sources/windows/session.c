/* One program run for an SSH request, in a job that ends with it. */
#include "sshd.h"
#include "switch.h"
#include <stdio.h>
#include <stdlib.h>

static HANDLE new_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return job;
}

/* Whether the registry names another shell than cmd.exe, as the images of some tools have it: powershell.exe. */
static BOOL other_shell(WCHAR *shell)
{
    DWORD size = MAX_PATH * sizeof *shell;
    return RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\OpenSSH", L"DefaultShell", RRF_RT_REG_SZ, NULL, shell, &size) == ERROR_SUCCESS;
}

/* As Windows' sshd does: the request stands between one more pair of quotes and nothing in it is escaped. */
static WCHAR *command_line(struct request *request, BOOL *other)
{
    size_t size = wcslen(request->command) + 64 + MAX_PATH;
    WCHAR *text = malloc(size * sizeof *text), shell[MAX_PATH];
    *other = other_shell(shell);
    if (*other)
        swprintf(text, size, request->kind == SHELL ? L"\"%ls\"" : L"\"%ls\" -c \"%ls\"", shell, request->command);
    else
        swprintf(text, size, request->kind == SHELL ? SHELL_PATH : SHELL_PATH L" /c \"%ls\"", request->command);
    return text;
}

/* Start the shell, suspended unless its job is late, with the request's three streams and no other handle of ours: a handle that another
 * request's program inherits would hold this one's channel open. */
static BOOL start_shell(struct request *request, WCHAR *command, WCHAR *environment, HANDLE job, PROCESS_INFORMATION *process)
{
    HANDLE streams[] = {request->in, request->out, request->err};
    STARTUPINFOEXW startup = {.StartupInfo = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES,
                                              .hStdInput = request->in, .hStdOutput = request->out, .hStdError = request->err}};
    SIZE_T size = 0;
    BOOL started, shared = share_console(request);
    WCHAR home[MAX_PATH];
    other_home(home);
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    startup.lpAttributeList = malloc(size);
    InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size);
    UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, streams, sizeof streams, NULL, NULL);
    started = CreateProcessW(NULL, command, NULL, NULL, TRUE,
                             CREATE_SUSPENDED | (shared ? 0 : CREATE_NO_WINDOW) | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT,
                             environment, home, &startup.StartupInfo, process);
    if (shared)
        unshare_console();
    DeleteProcThreadAttributeList(startup.lpAttributeList);
    free(startup.lpAttributeList);
    if (started) {
        DWORD late = practice_switch(L"LateJob");
        if (late) {
            ResumeThread(process->hThread);
            Sleep(late);
        }
        AssignProcessToJobObject(job, process->hProcess);
        if (!late)
            ResumeThread(process->hThread);
    }
    return started;
}

DWORD run_program(struct request *request)
{
    PROCESS_INFORMATION process;
    DWORD code = 255;
    HANDLE job = new_job();
    BOOL other;
    WCHAR home[MAX_PATH], *command = command_line(request, &other), *environment = connection_environment(request);
    set_job(request, job);
    /* A spare is a cmd.exe in HOME, with a console of its own, whose job is there in time. */
    other = other || other_home(home) || practice_switch(L"LateJob") || practice_switch(L"SharedConsole");
    if ((!other && start_spare(request, command, environment, job, &process)) || start_shell(request, command, environment, job, &process)) {
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &code);
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    set_job(request, NULL);
    TerminateJobObject(job, 0); /* children that the shell has left behind */
    CloseHandle(job);
    free(environment);
    free(command);
    return code;
}
