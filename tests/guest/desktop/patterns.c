/*
 * What wine (10.0) lacks of UI Automation's client: patterns, the properties that belong to them, and SetFocus. It takes the
 * place of CUIAutomation8, gives wine's own, and has these of its elements asked of tests/booted/drawn.c by messages of ours.
 */
#include <initguid.h>
#include <windows.h>
#include <oleauto.h>

DEFINE_GUID(AutomationId, 0x30cbe57d, 0xd9d0, 0x452a, 0xab, 0x13, 0x7a, 0xc5, 0xac, 0x48, 0x25, 0xee);
enum { SET_FOCUS = 3, CACHED_VALUE = 13, GET_PATTERN = 16, FROM_HANDLE = 6, RUNTIME_ID = 30000 };
enum { HAS = WM_APP, STATE, VALUE, FOCUS, INVOKE, TOGGLE, EXPAND, COLLAPSE, CHOOSE, SHOW };

struct object {
    void **methods;
};
struct pattern {
    void **methods;
    HWND window;
    int part, which;
    LONG references;
};
typedef HRESULT WINAPI cached_value(struct object *, int, BOOL, VARIANT *);
static cached_value *told;

/* The identity that wine makes of a window, and of what its provider adds: 42, the window, 4, the part. */
static HWND found(struct object *element, int *part)
{
    VARIANT id;
    int *numbers;
    HWND window = NULL;
    VariantInit(&id);
    if (told(element, RUNTIME_ID, TRUE, &id) == S_OK && V_VT(&id) == (VT_ARRAY | VT_I4) && V_ARRAY(&id)->rgsabound[0].cElements == 4) {
        SafeArrayAccessData(V_ARRAY(&id), (void **)&numbers);
        window = (HWND)(INT_PTR)numbers[1];
        *part = numbers[3];
        SafeArrayUnaccessData(V_ARRAY(&id));
    }
    VariantClear(&id);
    return window;
}

/* In the order of the bits of drawn.c. */
static const int numbers[6] = {10000, 10015, 10002, 10005, 10010, 10017};
static const IID ids[6] = {
    {0xfb377fbe, 0x8ea6, 0x46d5, {0x9c, 0x73, 0x64, 0x99, 0x64, 0x2d, 0x30, 0x59}},
    {0x94cf8058, 0x9b8d, 0x4ab9, {0x8b, 0xfd, 0x4c, 0xd0, 0xa3, 0x3c, 0x8c, 0x70}},
    {0xa94cd8b1, 0x0844, 0x4cd6, {0x9d, 0x2d, 0x64, 0x05, 0x37, 0xab, 0x39, 0xe9}},
    {0x619be086, 0x1f4e, 0x4ee4, {0xba, 0xfa, 0x21, 0x01, 0x28, 0x73, 0x87, 0x30}},
    {0xa8efa66a, 0x0fda, 0x421a, {0x91, 0x94, 0x38, 0x02, 0x1f, 0x35, 0x78, 0xea}},
    {0xb488300f, 0xd015, 0x4f19, {0x9c, 0x29, 0xbb, 0x59, 0x5e, 0x36, 0x45, 0xef}},
};

static HRESULT WINAPI query(struct pattern *pattern, REFIID wanted, void **face)
{
    *face = NULL;
    if (!IsEqualIID(wanted, &IID_IUnknown) && !IsEqualIID(wanted, &ids[pattern->which]))
        return E_NOINTERFACE;
    InterlockedIncrement(&pattern->references);
    *face = pattern;
    return S_OK;
}

static ULONG WINAPI keep(struct pattern *pattern)
{
    return InterlockedIncrement(&pattern->references);
}

static ULONG WINAPI leave(struct pattern *pattern)
{
    LONG left = InterlockedDecrement(&pattern->references);
    if (!left)
        HeapFree(GetProcessHeap(), 0, pattern);
    return left;
}

static HRESULT sent(struct pattern *pattern, UINT what)
{
    return (HRESULT)SendMessageW(pattern->window, what, pattern->part, 0);
}

static HRESULT WINAPI invoke(struct pattern *pattern) { return sent(pattern, INVOKE); }
static HRESULT WINAPI toggle(struct pattern *pattern) { return sent(pattern, TOGGLE); }
static HRESULT WINAPI expand(struct pattern *pattern) { return sent(pattern, EXPAND); }
static HRESULT WINAPI collapse(struct pattern *pattern) { return sent(pattern, COLLAPSE); }
static HRESULT WINAPI choose(struct pattern *pattern) { return sent(pattern, CHOOSE); }
static HRESULT WINAPI show(struct pattern *pattern) { return sent(pattern, SHOW); }

static HRESULT WINAPI set_value(struct pattern *pattern, BSTR text)
{
    COPYDATASTRUCT data = {pattern->part, SysStringByteLen(text) + sizeof *text, text};
    return (HRESULT)SendMessageW(pattern->window, WM_COPYDATA, 0, (LPARAM)&data);
}

/* Those that are called. */
static void *methods[6][5] = {
    {query, keep, leave, invoke}, {query, keep, leave, toggle}, {query, keep, leave, set_value},
    {query, keep, leave, expand, collapse}, {query, keep, leave, choose}, {query, keep, leave, show},
};

static HRESULT WINAPI get_pattern(struct object *element, int number, void **face)
{
    int part;
    HWND window = found(element, &part);
    LRESULT has = window ? SendMessageW(window, HAS, part, 0) : 0;
    *face = NULL;
    for (int i = 0; i < 6; i++)
        if (numbers[i] == number && has >> i & 1) {
            struct pattern *pattern = HeapAlloc(GetProcessHeap(), 0, sizeof *pattern);
            *pattern = (struct pattern){methods[i], window, part, i, 1};
            *face = pattern;
        }
    return S_OK;
}

static HRESULT WINAPI get_cached(struct object *element, int property, BOOL alone, VARIANT *value)
{
    static const int kept[][2] = {{30045, 2}, {30070, 3}, {30079, 4}, {30086, 1}}; /* each with the bit of its pattern */
    HRESULT result = told(element, property, alone, value);
    int part;
    HWND window = NULL;
    for (int i = 0; i < 4; i++)
        if (kept[i][0] == property && (window = found(element, &part)) && SendMessageW(window, HAS, part, 0) >> kept[i][1] & 1) {
            WCHAR text[256] = L"";
            VariantClear(value);
            V_VT(value) = property == 30045 ? VT_BSTR : property == 30079 ? VT_BOOL : VT_I4;
            LRESULT answer = SendMessageW(window, property == 30045 ? VALUE : STATE, part, 0);
            if (property == 30045) {
                GlobalGetAtomNameW((ATOM)answer, text, 256);
                GlobalDeleteAtom((ATOM)answer);
                V_BSTR(value) = SysAllocString(text);
            } else if (property == 30079)
                V_BOOL(value) = answer ? VARIANT_TRUE : VARIANT_FALSE;
            else
                V_I4(value) = (LONG)answer;
        }
    return result;
}

static HRESULT WINAPI set_focus(struct object *element)
{
    int part;
    HWND window = found(element, &part);
    return window ? (HRESULT)SendMessageW(window, FOCUS, part, 0) : E_FAIL;
}

/* All of wine's elements share their methods. */
static void change(void **shared)
{
    DWORD before;
    VirtualProtect(shared, (GET_PATTERN + 1) * sizeof *shared, PAGE_READWRITE, &before);
    told = shared[CACHED_VALUE];
    shared[CACHED_VALUE] = get_cached;
    shared[GET_PATTERN] = get_pattern;
    shared[SET_FOCUS] = set_focus;
    VirtualProtect(shared, (GET_PATTERN + 1) * sizeof *shared, before, &before);
}

__declspec(dllexport) HRESULT WINAPI DllGetClassObject(REFCLSID kind, REFIID wanted, void **factory)
{
    typedef HRESULT WINAPI get_class(REFCLSID, REFIID, void **);
    typedef HRESULT WINAPI from_handle(struct object *, HWND, struct object **);
    get_class *theirs = (get_class *)(void *)GetProcAddress(LoadLibraryW(L"uiautomationcore.dll"), "DllGetClassObject");
    struct object *automation, *element;
    HRESULT result = theirs(kind, wanted, factory);
    if (!told && SUCCEEDED(result) && SUCCEEDED(IClassFactory_CreateInstance((IClassFactory *)*factory, NULL, &AutomationId, (void **)&automation))) {
        /* Any element will do; it is asked once, and kept: the desktop's belongs to a program that may not answer soon. */
        if (SUCCEEDED(((from_handle *)automation->methods[FROM_HANDLE])(automation, GetDesktopWindow(), &element)))
            change(element->methods);
    }
    return result;
}

__declspec(dllexport) HRESULT WINAPI DllCanUnloadNow(void)
{
    return S_FALSE;
}
