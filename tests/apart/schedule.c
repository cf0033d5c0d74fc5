/* A stand-in for the Task Scheduler: the COM class "Schedule.Service" (Task Scheduler 2.0), as far as scripts/summon.ps1
 * uses it. It runs a task's program on the desktop that is on the screen, whatever its caller is on, and in a job that
 * may not be left, as Windows' own does. What it is asked is appended to C:\T\schedule.log; the number in
 * C:\T\schedule.hresult is what it refuses to register with; what stands in C:\T\schedule.program it runs instead,
 * which is nothing if nothing stands there. */
#define COBJMACROS
#include <stdio.h>
#include <windows.h>
#include <oleauto.h>

#define TASK_STATE_READY 3
#define TASK_STATE_RUNNING 4

enum { CONNECT = 1, GET_FOLDER, REGISTER_TASK, RUN_EX, STATE, LAST_TASK_RESULT, DELETE_TASK };
static const WCHAR *const names[] = {0, L"Connect", L"GetFolder", L"RegisterTask", L"RunEx", L"State", L"LastTaskResult", L"DeleteTask"};
static WCHAR command[1024], arguments[8192];
static HANDLE program, job;

static HRESULT STDMETHODCALLTYPE query(IDispatch *self, REFIID id, void **out)
{
    BOOL known = IsEqualIID(id, &IID_IUnknown) || IsEqualIID(id, &IID_IDispatch);
    *out = known ? self : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE count(IDispatch *self) { return 1; }

static HRESULT STDMETHODCALLTYPE type_count(IDispatch *self, UINT *number)
{
    *number = 0;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE type_info(IDispatch *self, UINT which, LCID locale, ITypeInfo **out) { return E_NOTIMPL; }

static HRESULT STDMETHODCALLTYPE ids(IDispatch *self, REFIID reserved, LPOLESTR *asked, UINT number, LCID locale, DISPID *out)
{
    for (int i = CONNECT; i <= DELETE_TASK; i++)
        if (!lstrcmpiW(names[i], asked[0])) {
            out[0] = i;
            return S_OK;
        }
    return DISP_E_UNKNOWNNAME;
}

static void tell(DISPID what, const VARIANT *last)
{
    FILE *log = _wfopen(L"C:\\T\\schedule.log", L"a");
    fwprintf(log, L"%ls", names[what]);
    if (what == REGISTER_TASK)
        fwprintf(log, L" %ls %d", V_BSTR(&last[4]), V_I4(&last[0]));
    if (what == RUN_EX)
        fwprintf(log, L" %d %d", V_I4(&last[2]), V_I4(&last[1]));
    fputws(L"\n", log);
    fclose(log);
}

/* What stands between an element's tags, without what XML makes of some characters. */
static void element(const WCHAR *xml, const WCHAR *tag, WCHAR *out)
{
    const WCHAR *at = wcsstr(xml, tag) + lstrlenW(tag);
    while (*at != '<') {
        const WCHAR *escaped = !wcsncmp(at, L"&lt;", 4) ? L"<" : !wcsncmp(at, L"&gt;", 4) ? L">" : !wcsncmp(at, L"&amp;", 5) ? L"&" : NULL;
        *out++ = escaped ? *escaped : *at;
        at = escaped ? wcschr(at, ';') + 1 : at + 1;
    }
    *out = 0;
}

static HRESULT registered(const VARIANT *last)
{
    unsigned refusal = 0;
    program = NULL;
    FILE *file = _wfopen(L"C:\\T\\schedule.hresult", L"r");
    if (file) {
        fwscanf(file, L"%x", &refusal);
        fclose(file);
    }
    element(V_BSTR(&last[4]), L"<Command>", command);
    element(V_BSTR(&last[4]), L"<Arguments>", arguments);
    return refusal;
}

static HRESULT run(void)
{
    static WCHAR line[10000];
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION none = {0};
    STARTUPINFOW startup = {sizeof startup, NULL, L"WinSta0\\shell"};
    PROCESS_INFORMATION started;
    FILE *instead = _wfopen(L"C:\\T\\schedule.program", L"r");
    swprintf(line, 10000, L"\"%ls\" %ls", command, arguments);
    if (instead) {
        BOOL any = fgetws(line, 10000, instead) != NULL;
        fclose(instead);
        if (!any)
            return S_OK;
    }
    job = CreateJobObjectW(NULL, NULL);
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &none, sizeof none);
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, CREATE_BREAKAWAY_FROM_JOB | CREATE_SUSPENDED | CREATE_NEW_CONSOLE, NULL, NULL, &startup, &started))
        return HRESULT_FROM_WIN32(GetLastError());
    AssignProcessToJobObject(job, started.hProcess);
    ResumeThread(started.hThread);
    CloseHandle(started.hThread);
    program = started.hProcess;
    return S_OK;
}

static DWORD result(void)
{
    DWORD code = SCHED_S_TASK_HAS_NOT_RUN;
    if (program)
        GetExitCodeProcess(program, &code);
    return code == STILL_ACTIVE ? SCHED_S_TASK_RUNNING : code;
}

static HRESULT STDMETHODCALLTYPE invoke(
    IDispatch *self, DISPID what, REFIID reserved, LCID locale, WORD flags, DISPPARAMS *given, VARIANT *out, EXCEPINFO *fault, UINT *wrong)
{
    if (what < CONNECT || what > DELETE_TASK)
        return DISP_E_MEMBERNOTFOUND; /* PowerShell asks whether it is a list */
    tell(what, given->rgvarg); /* the last argument is the first of these */
    if (out)
        VariantInit(out);
    switch (what) {
    case REGISTER_TASK: {
        HRESULT refusal = registered(given->rgvarg);
        if (refusal)
            return refusal;
    } /* fall through */
    case GET_FOLDER:
        V_VT(out) = VT_DISPATCH;
        V_DISPATCH(out) = self;
        return S_OK;
    case RUN_EX:
        return run();
    case STATE:
        V_VT(out) = VT_I4;
        V_I4(out) = result() == SCHED_S_TASK_RUNNING ? TASK_STATE_RUNNING : TASK_STATE_READY;
        return S_OK;
    case LAST_TASK_RESULT:
        V_VT(out) = VT_I4;
        V_I4(out) = result();
        return S_OK;
    default:
        return S_OK;
    }
}

static IDispatchVtbl functions = {query, count, count, type_count, type_info, ids, invoke};
static IDispatch service = {&functions};

static HRESULT STDMETHODCALLTYPE factory_query(IClassFactory *self, REFIID id, void **out)
{
    *out = self;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE factory_count(IClassFactory *self) { return 1; }

static HRESULT STDMETHODCALLTYPE create(IClassFactory *self, IUnknown *outer, REFIID id, void **out) { return query(&service, id, out); }

static HRESULT STDMETHODCALLTYPE lock(IClassFactory *self, BOOL keep) { return S_OK; }

static IClassFactoryVtbl making = {factory_query, factory_count, factory_count, create, lock};
static IClassFactory factory = {&making};

__declspec(dllexport) HRESULT STDMETHODCALLTYPE DllGetClassObject(REFCLSID class, REFIID id, void **out)
{
    *out = &factory;
    return S_OK;
}
