/* The provider of UI Automation for the parts of parts.h: how other programs see them and use them. */
#include <initguid.h>
#include <windows.h>
#include <oleauto.h>
#include <uiautomationcore.h>
#include <uiautomationcoreapi.h>

/* What this compiler's headers lack, by Microsoft's documentation of UIAutomationCore.h. */
DEFINE_GUID(InvokeId, 0x54fcb24b, 0xe18e, 0x47a2, 0xb4, 0xd3, 0xec, 0xcb, 0xe7, 0x75, 0x99, 0xa2);
DEFINE_GUID(ToggleId, 0x56d00bd0, 0xc4f4, 0x433c, 0xa8, 0x36, 0x1a, 0x52, 0xa5, 0x7e, 0x08, 0x92);
DEFINE_GUID(ValueId, 0xc7935180, 0x6fb3, 0x4201, 0xb1, 0x74, 0x7d, 0xf7, 0x3a, 0xdb, 0xf6, 0x4a);
DEFINE_GUID(ExpandId, 0xd847d3a5, 0xcab0, 0x4a98, 0x8c, 0x32, 0xec, 0xb4, 0x5c, 0x59, 0xad, 0x24);
DEFINE_GUID(ChoiceId, 0x2acad808, 0xb2d4, 0x452d, 0xa4, 0x07, 0x91, 0xff, 0x1a, 0xd1, 0x67, 0xb2);
DEFINE_GUID(ScrollId, 0x2360c714, 0x4bf1, 0x4b26, 0xba, 0x65, 0x9b, 0x21, 0x31, 0x61, 0x27, 0xeb);

enum { SIMPLE, FRAGMENT, ROOT, INVOKES, TOGGLES, VALUES, EXPANDS, CHOICES, SCROLLS, FACES };

/* One face of a part: each interface is one, and the part has them one after another. They live as long as the program. */
struct face {
    const void *methods;
    int part, which;
};
static struct face faces[PARTS][FACES];

static HRESULT WINAPI query(struct face *face, REFIID wanted, void **found)
{
    static const IID *ids[FACES] = {&IID_IRawElementProviderSimple, &IID_IRawElementProviderFragment, &IID_IRawElementProviderFragmentRoot,
                                    &InvokeId, &ToggleId, &ValueId, &ExpandId, &ChoiceId, &ScrollId};
    *found = NULL;
    for (int which = 0; which < FACES; which++) {
        BOOL has = which < ROOT || (which == ROOT ? face->part == WINDOW : parts[face->part].patterns >> (which - INVOKES) & 1);
        if (has && IsEqualIID(wanted, ids[which]))
            *found = &faces[face->part][which];
    }
    if (IsEqualIID(wanted, &IID_IUnknown))
        *found = &faces[face->part][SIMPLE];
    return *found ? S_OK : E_NOINTERFACE;
}

static ULONG WINAPI kept(struct face *face)
{
    return 2 + 0 * face->part;
}

static HRESULT WINAPI options(struct face *face, int *value)
{
    (void)face;
    *value = 2; /* ProviderOptions_ServerSideProvider */
    return S_OK;
}

static HRESULT WINAPI pattern(struct face *face, PATTERNID id, IUnknown **found)
{
    static const int faced[] = {10000, INVOKES, 10002, VALUES, 10005, EXPANDS, 10010, CHOICES, 10015, TOGGLES, 10017, SCROLLS};
    *found = NULL;
    for (int i = 0; i < 12; i += 2)
        if (faced[i] == id && parts[face->part].patterns >> (faced[i + 1] - INVOKES) & 1)
            *found = (IUnknown *)&faces[face->part][faced[i + 1]];
    return S_OK;
}

static void word(VARIANT *value, const wchar_t *text)
{
    V_VT(value) = VT_BSTR;
    V_BSTR(value) = SysAllocString(text);
}

static void yes(VARIANT *value, BOOL is)
{
    V_VT(value) = VT_BOOL;
    V_BOOL(value) = is ? VARIANT_TRUE : VARIANT_FALSE;
}

static HRESULT WINAPI property(struct face *face, PROPERTYID id, VARIANT *value)
{
    struct part *it = &parts[face->part];
    RECT where = place(face->part);
    wchar_t number[20];
    WaitForSingleObject(awake, INFINITE);
    VariantInit(value);
    swprintf(number, 20, L"part%d", face->part);
    switch (id) {
    case 30003:
        V_VT(value) = VT_I4;
        V_I4(value) = it->type;
        break;
    case 30005: word(value, it->name); break;
    case 30008: yes(value, face->part == focus); break;
    case 30009: yes(value, it->type == EDIT); break;
    case 30010: yes(value, !it->disabled); break;
    case 30011: word(value, number); break;
    case 30012: word(value, L"DrawnPart"); break;
    case 30016: yes(value, TRUE); break;
    case 30019: yes(value, face->part == SECRET); break;
    case 30022: yes(value, IsRectEmpty(&where)); break;
    }
    return S_OK;
}

typedef HRESULT WINAPI of_window(HWND, IRawElementProviderSimple **);
typedef LRESULT WINAPI returned(HWND, WPARAM, LPARAM, IRawElementProviderSimple *);
static of_window *host_of;
static returned *give;

static HRESULT WINAPI host(struct face *face, IRawElementProviderSimple **found)
{
    *found = NULL;
    return face->part == WINDOW ? host_of(window, found) : S_OK;
}

/* The next one, in a direction, that has the same parent and is shown. */
static int sibling(int part, int in, int step)
{
    for (part += step; part >= 0 && part < PARTS; part += step)
        if (parts[part].in == in && shown(part))
            return part;
    return -1;
}

static HRESULT WINAPI navigate(struct face *face, int direction, IRawElementProviderFragment **found)
{
    int part = face->part;
    int next = direction == 0 ? parts[part].in : direction == 1 ? sibling(part, parts[part].in, 1)
        : direction == 2 ? sibling(part, parts[part].in, -1) : direction == 3 ? sibling(-1, part, 1) : sibling(PARTS, part, -1);
    *found = part == WINDOW && direction < 3 ? NULL : next < 0 ? NULL : (IRawElementProviderFragment *)&faces[next][FRAGMENT];
    return S_OK;
}

static HRESULT WINAPI runtime(struct face *face, SAFEARRAY **id)
{
    int numbers[] = {UiaAppendRuntimeId, face->part};
    *id = NULL;
    if (face->part != WINDOW) {
        *id = SafeArrayCreateVector(VT_I4, 0, 2);
        for (LONG i = 0; i < 2; i++)
            SafeArrayPutElement(*id, &i, &numbers[i]);
    }
    return S_OK;
}

struct frame {
    double left, top, width, height;
};

static HRESULT WINAPI bounds(struct face *face, struct frame *frame)
{
    RECT where = place(face->part);
    WaitForSingleObject(awake, INFINITE);
    MapWindowPoints(window, NULL, (POINT *)&where, 2);
    *frame = (struct frame){where.left, where.top, where.right - where.left, where.bottom - where.top};
    return S_OK;
}

static HRESULT WINAPI embedded(struct face *face, SAFEARRAY **roots)
{
    (void)face;
    *roots = NULL;
    return S_OK;
}

static HRESULT WINAPI focused(struct face *face)
{
    focus = face->part;
    say("focused", focus);
    return S_OK;
}

static HRESULT WINAPI root(struct face *face, void **found)
{
    (void)face;
    *found = &faces[WINDOW][ROOT];
    return S_OK;
}

static HRESULT WINAPI at_point(struct face *face, double x, double y, IRawElementProviderFragment **found)
{
    POINT point = {(LONG)x, (LONG)y};
    (void)face;
    WaitForSingleObject(awake, INFINITE);
    ScreenToClient(window, &point);
    *found = (IRawElementProviderFragment *)&faces[at(point.x, point.y)][FRAGMENT];
    return S_OK;
}

static HRESULT WINAPI with_focus(struct face *face, IRawElementProviderFragment **found)
{
    (void)face;
    *found = focus < 0 ? NULL : (IRawElementProviderFragment *)&faces[focus][FRAGMENT];
    return S_OK;
}

static HRESULT WINAPI invoke(struct face *face)
{
    say("invoked", face->part);
    used(face->part);
    return S_OK;
}

static HRESULT WINAPI toggle(struct face *face)
{
    say("toggled", face->part);
    used(face->part);
    return S_OK;
}

static HRESULT WINAPI state(struct face *face, int *value)
{
    *value = parts[face->part].on;
    return S_OK;
}

static HRESULT WINAPI set_value(struct face *face, const wchar_t *text)
{
    put(face->part, text);
    say("set", face->part);
    return S_OK;
}

static HRESULT WINAPI value(struct face *face, BSTR *text)
{
    *text = SysAllocString(parts[face->part].text);
    return S_OK;
}

static HRESULT WINAPI locked(struct face *face, BOOL *is)
{
    *is = face->part == LOCKED;
    return S_OK;
}

static HRESULT WINAPI expand(struct face *face)
{
    parts[face->part].on = TRUE;
    say("expanded", face->part);
    return S_OK;
}

static HRESULT WINAPI collapse(struct face *face)
{
    parts[face->part].on = FALSE;
    say("collapsed", face->part);
    return S_OK;
}

static HRESULT WINAPI choose(struct face *face)
{
    say("selected", face->part);
    used(face->part);
    return S_OK;
}

static HRESULT WINAPI unsupported(struct face *face)
{
    (void)face;
    return 0x80131509; /* UIA_E_INVALIDOPERATION */
}

static HRESULT WINAPI container(struct face *face, IRawElementProviderSimple **found)
{
    (void)face;
    *found = (IRawElementProviderSimple *)&faces[FRUIT][SIMPLE];
    return S_OK;
}

static HRESULT WINAPI into_view(struct face *face)
{
    scrolled = face->part == PLUM;
    say("scrolled to", face->part);
    return S_OK;
}

#define UNKNOWN query, kept, kept
static const void *methods[FACES][12] = {
    [SIMPLE] = {UNKNOWN, options, pattern, property, host},
    [FRAGMENT] = {UNKNOWN, navigate, runtime, bounds, embedded, focused, root},
    [ROOT] = {UNKNOWN, at_point, with_focus},
    [INVOKES] = {UNKNOWN, invoke},
    [TOGGLES] = {UNKNOWN, toggle, state},
    [VALUES] = {UNKNOWN, set_value, value, locked},
    [EXPANDS] = {UNKNOWN, expand, collapse, state},
    [CHOICES] = {UNKNOWN, choose, unsupported, unsupported, state, container},
    [SCROLLS] = {UNKNOWN, into_view},
};

static void begin(void)
{
    HMODULE library = LoadLibraryW(L"uiautomationcore.dll");
    host_of = (of_window *)GetProcAddress(library, "UiaHostProviderFromHwnd");
    give = (returned *)GetProcAddress(library, "UiaReturnRawElementProvider");
    for (int part = 0; part < PARTS; part++)
        for (int which = 0; which < FACES; which++)
            faces[part][which] = (struct face){methods[which], part, which};
}

/* The answer to WM_GETOBJECT. */
static LRESULT provided(WPARAM first, LPARAM second)
{
    return give(window, first, second, (IRawElementProviderSimple *)&faces[WINDOW][SIMPLE]);
}

/*
 * What tests/guest/desktop/patterns.c asks in place of wine's client of UI Automation, which has no patterns.
 * Texts come as WM_COPYDATA, and go as atoms.
 */
static LRESULT used_by(UINT number, int part)
{
    struct face *face = faces[part];
    switch (number - WM_APP) {
    case 0: return parts[part].patterns;
    case 1: return parts[part].on;
    case 2: return GlobalAddAtomW(parts[part].text);
    case 3: return focused(face);
    case 4: return invoke(face);
    case 5: return toggle(face);
    case 6: return expand(face);
    case 7: return collapse(face);
    case 8: return choose(face);
    case 9: return into_view(face);
    }
    return 0;
}

static LRESULT written(COPYDATASTRUCT *text)
{
    return set_value(faces[text->dwData], text->lpData);
}
