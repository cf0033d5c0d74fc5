/* A window that draws its own controls, and tells of them by Active Accessibility alone, as older programs do. What reaches it
   is printed, a line each. */
#include <initguid.h>
#include <windows.h>
#include <oleauto.h>
#include <oleacc.h>
#include <stdio.h>

enum { SELF, COUNT, AGREE, HINT, PARTS };

static struct {
    const wchar_t *name;
    LONG role, state;
    RECT place;
} parts[PARTS] = {
    [SELF] = {L"Accessible", ROLE_SYSTEM_CLIENT, STATE_SYSTEM_FOCUSABLE, {0, 0, 300, 200}},
    [COUNT] = {L"Count", ROLE_SYSTEM_PUSHBUTTON, STATE_SYSTEM_FOCUSABLE, {20, 20, 120, 50}},
    [AGREE] = {L"Agree", ROLE_SYSTEM_CHECKBUTTON, STATE_SYSTEM_FOCUSABLE, {20, 60, 120, 90}},
    [HINT] = {L"Read this", ROLE_SYSTEM_STATICTEXT, STATE_SYSTEM_READONLY, {20, 100, 120, 130}},
};

static HWND window;

static int at(LONG x, LONG y)
{
    POINT place = {x, y};
    for (int part = PARTS - 1; part > SELF; part--)
        if (PtInRect(&parts[part].place, place))
            return part;
    return SELF;
}

static HRESULT WINAPI query(IAccessible *self, REFIID wanted, void **found)
{
    BOOL known = IsEqualIID(wanted, &IID_IUnknown) || IsEqualIID(wanted, &IID_IDispatch) || IsEqualIID(wanted, &IID_IAccessible);
    *found = known ? self : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG WINAPI kept(IAccessible *self) /* as long as the program */
{
    (void)self;
    return 2;
}

static HRESULT WINAPI types(IAccessible *self, UINT *count)
{
    (void)self;
    *count = 0;
    return S_OK;
}

static HRESULT WINAPI type(IAccessible *self, UINT number, LCID language, ITypeInfo **found)
{
    (void)self, (void)number, (void)language;
    *found = NULL;
    return E_NOTIMPL;
}

static HRESULT WINAPI names(IAccessible *self, REFIID id, LPOLESTR *words, UINT count, LCID language, DISPID *found)
{
    (void)self, (void)id, (void)words, (void)count, (void)language, (void)found;
    return E_NOTIMPL;
}

static HRESULT WINAPI invoke(IAccessible *self, DISPID member, REFIID id, LCID language, WORD flags, DISPPARAMS *given, VARIANT *found,
                             EXCEPINFO *fault, UINT *wrong)
{
    (void)self, (void)member, (void)id, (void)language, (void)flags, (void)given, (void)found, (void)fault, (void)wrong;
    return E_NOTIMPL;
}

static HRESULT WINAPI parent(IAccessible *self, IDispatch **found)
{
    (void)self;
    return AccessibleObjectFromWindow(window, OBJID_WINDOW, &IID_IDispatch, (void **)found);
}

static HRESULT WINAPI children(IAccessible *self, LONG *count)
{
    (void)self;
    *count = PARTS - 1;
    return S_OK;
}

static HRESULT WINAPI child(IAccessible *self, VARIANT which, IDispatch **found) /* they are no objects, but numbers */
{
    (void)self, (void)which;
    *found = NULL;
    return S_FALSE;
}

static HRESULT number(VARIANT *found, LONG value)
{
    V_VT(found) = VT_I4;
    V_I4(found) = value;
    return S_OK;
}

static HRESULT text(BSTR *found, const wchar_t *words)
{
    *found = words ? SysAllocString(words) : NULL;
    return words ? S_OK : S_FALSE;
}

static HRESULT WINAPI name(IAccessible *self, VARIANT which, BSTR *found)
{
    (void)self;
    return text(found, parts[V_I4(&which)].name);
}

static HRESULT WINAPI nothing(IAccessible *self, VARIANT which, BSTR *found)
{
    (void)self, (void)which;
    return text(found, NULL);
}

static HRESULT WINAPI role(IAccessible *self, VARIANT which, VARIANT *found)
{
    (void)self;
    return number(found, parts[V_I4(&which)].role);
}

static HRESULT WINAPI state(IAccessible *self, VARIANT which, VARIANT *found)
{
    (void)self;
    return number(found, parts[V_I4(&which)].state);
}

static HRESULT WINAPI topic(IAccessible *self, BSTR *file, VARIANT which, LONG *found)
{
    (void)self, (void)which, (void)found;
    return text(file, NULL);
}

static HRESULT WINAPI none(IAccessible *self, VARIANT *found)
{
    (void)self;
    V_VT(found) = VT_EMPTY;
    return S_FALSE;
}

static HRESULT WINAPI selecting(IAccessible *self, LONG how, VARIANT which)
{
    (void)self, (void)how, (void)which;
    return E_NOTIMPL;
}

static HRESULT WINAPI location(IAccessible *self, LONG *x, LONG *y, LONG *width, LONG *height, VARIANT which)
{
    RECT place = parts[V_I4(&which)].place;
    (void)self;
    MapWindowPoints(window, NULL, (POINT *)&place, 2);
    *x = place.left;
    *y = place.top;
    *width = place.right - place.left;
    *height = place.bottom - place.top;
    return S_OK;
}

static HRESULT WINAPI navigation(IAccessible *self, LONG way, VARIANT from, VARIANT *found)
{
    (void)way, (void)from;
    return none(self, found);
}

static HRESULT WINAPI hit(IAccessible *self, LONG x, LONG y, VARIANT *found)
{
    POINT place = {x, y};
    (void)self;
    MapWindowPoints(NULL, window, &place, 1);
    return number(found, at(place.x, place.y));
}

static HRESULT WINAPI action(IAccessible *self, VARIANT which)
{
    (void)self, (void)which;
    return E_NOTIMPL;
}

static HRESULT WINAPI writing(IAccessible *self, VARIANT which, BSTR words)
{
    (void)self, (void)which, (void)words;
    return E_NOTIMPL;
}

static IAccessibleVtbl methods = {query,   kept,  kept,    types,   type,  names,     invoke,   parent,     children, child,  name,    nothing, nothing, role,
                                  state,   nothing, topic, nothing, none,  none,      nothing,  selecting,  location, navigation, hit, action,  writing, writing};
static IAccessible told = {&methods};

static LRESULT CALLBACK message(HWND receiver, UINT what, WPARAM first, LPARAM second)
{
    PAINTSTRUCT paint;
    switch (what) {
    case WM_GETOBJECT:
        if ((LONG)second == OBJID_CLIENT)
            return LresultFromObject(&IID_IAccessible, first, (IUnknown *)&told);
        break;
    case WM_PAINT:
        BeginPaint(receiver, &paint);
        for (int part = 1; part < PARTS; part++)
            DrawTextW(paint.hdc, parts[part].name, -1, &parts[part].place, DT_CENTER);
        EndPaint(receiver, &paint);
        return 0;
    case WM_LBUTTONDOWN: {
        int part = at((short)LOWORD(second), (short)HIWORD(second));
        if (part == AGREE)
            parts[part].state ^= STATE_SYSTEM_CHECKED;
        printf("clicked %ls\n", parts[part].name);
        return 0;
    }
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(receiver, what, first, second);
}

int main(void)
{
    WNDCLASSW kind = {.lpfnWndProc = message, .lpszClassName = L"SmolVMAccessible", .hbrBackground = (HBRUSH)(COLOR_WINDOW + 1),
                      .hCursor = LoadCursor(NULL, IDC_ARROW)};
    MSG taken;
    setvbuf(stdout, NULL, _IONBF, 0);
    CoInitializeEx(NULL, COINIT_APARTMENTTHREADED);
    RegisterClassW(&kind);
    window = CreateWindowW(L"SmolVMAccessible", L"Accessible", WS_OVERLAPPEDWINDOW, 300, 200, 320, 240, NULL, NULL, NULL, NULL);
    ShowWindow(window, SW_SHOWNORMAL);
    while (GetMessageW(&taken, NULL, 0, 0) > 0) {
        TranslateMessage(&taken);
        DispatchMessageW(&taken);
    }
    return 0;
}
