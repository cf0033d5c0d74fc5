/* A window of controls that draw their items themselves. What reaches it is printed, a line each. */
#include <windows.h>
#include <commctrl.h>
#include <stdio.h>

enum { PAGES = 201, FILES, PLACES, MANY, LINES };

static HWND window;

static HWND add(const wchar_t *kind, DWORD style, int id, int x, int y, int width, int height)
{
    return CreateWindowW(kind, L"", WS_CHILD | WS_VISIBLE | WS_TABSTOP | style, x, y, width, height, window, (HMENU)(INT_PTR)id, NULL, NULL);
}

static void pages(void)
{
    static wchar_t *names[] = {L"&General", L"Details", L"Security"};
    HWND tabs = add(WC_TABCONTROLW, 0, PAGES, 10, 10, 300, 30);
    for (int i = 0; i < 3; i++) {
        TCITEMW item = {.mask = TCIF_TEXT, .pszText = names[i]};
        SendMessageW(tabs, TCM_INSERTITEMW, i, (LPARAM)&item);
    }
}

static void files(void)
{
    HWND list = add(WC_LISTVIEWW, WS_BORDER | LVS_REPORT, FILES, 10, 50, 300, 120);
    static wchar_t *columns[] = {L"Name", L"Size"};
    wchar_t text[40];
    SendMessageW(list, LVM_SETEXTENDEDLISTVIEWSTYLE, 0, LVS_EX_CHECKBOXES | LVS_EX_FULLROWSELECT);
    for (int i = 0; i < 2; i++) {
        LVCOLUMNW column = {.mask = LVCF_TEXT | LVCF_WIDTH, .cx = 130, .pszText = columns[i]};
        SendMessageW(list, LVM_INSERTCOLUMNW, i, (LPARAM)&column);
    }
    for (int i = 0; i < 30; i++) {
        LVITEMW item = {.mask = LVIF_TEXT, .iItem = i, .pszText = text};
        swprintf(text, 40, L"file %d \u20ac", i);
        SendMessageW(list, LVM_INSERTITEMW, 0, (LPARAM)&item);
        item.iSubItem = 1;
        swprintf(text, 40, L"%d KB", i);
        SendMessageW(list, LVM_SETITEMTEXTW, i, (LPARAM)&item);
    }
}

static HTREEITEM branch(HWND tree, HTREEITEM parent, wchar_t *name)
{
    TVINSERTSTRUCTW item = {.hParent = parent, .hInsertAfter = TVI_LAST, .item = {.mask = TVIF_TEXT, .pszText = name}};
    return (HTREEITEM)SendMessageW(tree, TVM_INSERTITEMW, 0, (LPARAM)&item);
}

static void places(void)
{
    HWND tree = add(WC_TREEVIEWW, WS_BORDER | TVS_HASBUTTONS | TVS_HASLINES | TVS_LINESATROOT, PLACES, 10, 180, 300, 120);
    SetWindowLongW(tree, GWL_STYLE, GetWindowLongW(tree, GWL_STYLE) | TVS_CHECKBOXES);
    HTREEITEM europe = branch(tree, NULL, L"Europe");
    branch(tree, branch(tree, europe, L"France"), L"Paris");
    branch(tree, europe, L"Italy");
    branch(tree, NULL, L"Asia");
}

/* Items that are made up when they are asked for. */
static void many(void)
{
    HWND list = add(WC_LISTVIEWW, WS_BORDER | LVS_REPORT | LVS_OWNERDATA | LVS_NOCOLUMNHEADER | LVS_SINGLESEL, MANY, 330, 50, 200, 120);
    LVCOLUMNW column = {.mask = LVCF_WIDTH, .cx = 170};
    SendMessageW(list, LVM_INSERTCOLUMNW, 0, (LPARAM)&column);
    SendMessageW(list, LVM_SETITEMCOUNT, 100000, 0);
    HWND box = add(L"LISTBOX", WS_BORDER | WS_VSCROLL | LBS_NOTIFY, LINES, 330, 180, 200, 120);
    wchar_t text[40];
    for (int i = 0; i < 2000; i++) {
        swprintf(text, 40, L"line %d", i);
        SendMessageW(box, LB_ADDSTRING, 0, (LPARAM)text);
    }
}

/* Which item has this text, of those that are made up. */
static LRESULT found(NMLVFINDITEMW *wanted)
{
    int at;
    return swscanf(wanted->lvfi.psz, L"number %d", &at) == 1 && at > wanted->iStart - 1 && at < 100000 ? at : -1;
}

static void notified(NMHDR *told)
{
    NMLISTVIEW *row = (NMLISTVIEW *)told;
    NMLVDISPINFOW *wanted = (NMLVDISPINFOW *)told;
    if (told->code == LVN_GETDISPINFOW && wanted->item.mask & LVIF_TEXT)
        swprintf(wanted->item.pszText, wanted->item.cchTextMax, L"number %d", wanted->item.iItem);
    if (told->code == LVN_ITEMCHANGED && (row->uNewState ^ row->uOldState) & LVIS_SELECTED)
        printf("%d row %d %s\n", (int)told->idFrom, row->iItem, row->uNewState & LVIS_SELECTED ? "selected" : "left");
    if (told->code == LVN_ITEMCHANGED && row->uOldState && (row->uNewState ^ row->uOldState) & LVIS_STATEIMAGEMASK)
        printf("%d row %d box %d\n", (int)told->idFrom, row->iItem, (row->uNewState >> 12) - 1);
    if (told->code == NM_DBLCLK && told->idFrom == FILES)
        printf("%d row %d opened\n", (int)told->idFrom, ((NMITEMACTIVATE *)told)->iItem);
    if (told->code == TVN_ITEMEXPANDEDW)
        printf("%d %s\n", (int)told->idFrom, ((NMTREEVIEWW *)told)->action == TVE_EXPAND ? "expanded" : "collapsed");
    if (told->code == TVN_BEGINDRAGW)
        printf("%d dragged\n", (int)told->idFrom);
    if (told->code == TVN_SELCHANGEDW)
        printf("%d selected\n", (int)told->idFrom);
    if (told->code == TCN_SELCHANGE)
        printf("%d page %d\n", (int)told->idFrom, (int)SendMessageW(told->hwndFrom, TCM_GETCURSEL, 0, 0));
}

static LRESULT CALLBACK message(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    switch (number) {
    case WM_COMMAND:
        printf("%d command %d\n", LOWORD(first), HIWORD(first));
        return 0;
    case WM_NOTIFY:
        if (((NMHDR *)second)->code == LVN_ODFINDITEMW)
            return found((NMLVFINDITEMW *)second);
        notified((NMHDR *)second);
        return 0;
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(receiver, number, first, second);
}

int main(void)
{
    INITCOMMONCONTROLSEX wanted = {sizeof wanted, ICC_LISTVIEW_CLASSES | ICC_TREEVIEW_CLASSES | ICC_TAB_CLASSES};
    WNDCLASSW kind = {.lpfnWndProc = message, .lpszClassName = L"SmolVMShelf", .hbrBackground = (HBRUSH)(COLOR_BTNFACE + 1),
                      .hCursor = LoadCursor(NULL, IDC_ARROW)};
    MSG taken;
    setvbuf(stdout, NULL, _IONBF, 0);
    InitCommonControlsEx(&wanted);
    RegisterClassW(&kind);
    window = CreateWindowW(L"SmolVMShelf", L"Shelf", WS_OVERLAPPEDWINDOW, 200, 100, 560, 380, NULL, NULL, NULL, NULL);
    pages();
    files();
    places();
    many();
    ShowWindow(window, SW_SHOWNORMAL);
    while (GetMessageW(&taken, NULL, 0, 0) > 0) {
        TranslateMessage(&taken);
        DispatchMessageW(&taken);
    }
    return 0;
}
