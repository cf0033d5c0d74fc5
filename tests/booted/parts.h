/* What drawn.c draws: parts of one window that are no windows. They tell what has become of them, a line each. */
#include <windows.h>
#include <stdio.h>

/* The first are all there is for those who ask for few. */
enum { WINDOW, BAR, FILES, NEW, SAVE, COUNT, NAME, WAKE, LATE, HANG, FEW, AGREE = FEW, LOCKED, SECRET, FRUIT, APPLE, PEAR, PLUM, MORE, DETAIL, ASK, PARTS };
enum { INVOKE = 1, TOGGLE = 2, VALUE = 4, EXPAND = 8, CHOICE = 16, SCROLL = 32 };

/* Control types by UI Automation's numbers. */
enum { BUTTON = 50000, CHECKBOX = 50002, EDIT = 50004, LISTITEM = 50007, LIST = 50008, MENUBAR = 50010, MENUITEM = 50011, TEXT = 50020, GROUP = 50026, PANE = 50033 };

struct part {
    int type, in, patterns, x, y, width, height;
    const wchar_t *name;
    BOOL on, disabled; /* on: checked, expanded or selected */
    wchar_t text[100];
};

static HWND window;
static HANDLE awake; /* set unless providers hang */
static int focus = -1, scrolled, count = PARTS;

static struct part parts[PARTS] = {
    [WINDOW] = {PANE, -1, 0, 0, 0, 400, 300, L"Drawn"},
    [BAR] = {MENUBAR, WINDOW, 0, 0, 0, 400, 20, L"Menus"},
    [FILES] = {MENUITEM, BAR, EXPAND, 0, 0, 60, 20, L"File"},
    [NEW] = {MENUITEM, FILES, INVOKE, 0, 20, 100, 20, L"New"},
    [SAVE] = {MENUITEM, FILES, INVOKE, 0, 40, 100, 20, L"Save as..."},
    [COUNT] = {BUTTON, WINDOW, INVOKE, 120, 40, 80, 20, L"Count"},
    [AGREE] = {CHECKBOX, WINDOW, TOGGLE, 120, 70, 80, 20, L"Agree"},
    [NAME] = {EDIT, WINDOW, VALUE, 120, 100, 100, 20, L"Name"},
    [LOCKED] = {EDIT, WINDOW, VALUE, 120, 130, 100, 20, L"Locked", .text = L"fixed"},
    [SECRET] = {EDIT, WINDOW, VALUE, 120, 160, 100, 20, L"Password", .text = L"secret"},
    [FRUIT] = {LIST, WINDOW, 0, 240, 40, 100, 40, L"Fruit"},
    [APPLE] = {LISTITEM, FRUIT, CHOICE | SCROLL, 240, 40, 100, 20, L"Apple"},
    [PEAR] = {LISTITEM, FRUIT, CHOICE | SCROLL, 240, 60, 100, 20, L"Pear"},
    [PLUM] = {LISTITEM, FRUIT, CHOICE | SCROLL, 240, 80, 100, 20, L"Plum"},
    [MORE] = {GROUP, WINDOW, EXPAND, 240, 120, 100, 20, L"More"},
    [DETAIL] = {TEXT, MORE, 0, 240, 140, 100, 20, L"Detail"},
    [WAKE] = {BUTTON, WINDOW, INVOKE, 120, 190, 80, 20, L"Wake"},
    [LATE] = {BUTTON, WINDOW, INVOKE, 120, 220, 80, 20, L"Late", .disabled = TRUE},
    [HANG] = {BUTTON, WINDOW, INVOKE, 120, 250, 80, 20, L"Hang"},
    [ASK] = {BUTTON, WINDOW, INVOKE, 240, 250, 80, 20, L"Ask"},
};

static BOOL shown(int part)
{
    int in = parts[part].in;
    return part == WINDOW || (part < count && shown(in) && (!(parts[in].patterns & EXPAND) || parts[in].on));
}

/* Where it is in the window; of the list only what is in view. */
static RECT place(int part)
{
    struct part *it = &parts[part];
    RECT where = {it->x, it->y, it->x + it->width, it->y + it->height}, all, view;
    if (it->in == FRUIT) {
        OffsetRect(&where, 0, -20 * scrolled);
        all = place(FRUIT);
        IntersectRect(&view, &where, &all); /* empty if they do not meet */
        return view;
    }
    return where;
}

/* The innermost at a place. */
static int at(int x, int y)
{
    int found = WINDOW;
    for (int part = 1; part < PARTS; part++) {
        RECT where = place(part);
        if (shown(part) && PtInRect(&where, (POINT){x, y}))
            found = part;
    }
    return found;
}

static void say(const char *what, int part)
{
    printf("%s %ls\n", what, parts[part].name);
    InvalidateRect(window, NULL, TRUE);
}

static void put(int part, const wchar_t *text)
{
    lstrcpynW(parts[part].text, text, 100);
    InvalidateRect(window, NULL, TRUE);
}

/* What a click brings about, and the patterns of its provider. */
static void used(int part)
{
    struct part *it = &parts[part];
    if (it->patterns & (TOGGLE | EXPAND))
        it->on = !it->on;
    if (it->patterns & CHOICE)
        for (int each = APPLE; each <= PLUM; each++)
            parts[each].on = each == part;
    if (it->in == FILES)
        parts[FILES].on = FALSE;
    if (part == WAKE)
        SetTimer(window, WAKE, 700, NULL);
    if (part == HANG)
        ResetEvent(awake);
    InvalidateRect(window, NULL, TRUE);
    if (part == ASK)
        MessageBoxW(window, L"Is this all?", L"Question", MB_YESNO);
}
