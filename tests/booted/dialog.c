/* A window of classic controls. What reaches it is printed, a line each: that is what the tests believe. */
#include <windows.h>
#include <stdio.h>

enum { NAME = 101, PASSWORD, AGREE, SMALL, LARGE, COLOUR, FRUIT, COUNT, WAKE, LATE, ASK, SAME, HANG, NOTES, BRIEF, LOCKED, MOVE, PICK, COVER, LEAVE };

static HWND window, late, moving, cover;
static int steps;

static HWND add(const wchar_t *kind, const wchar_t *text, DWORD style, int id, int x, int y, int width, int height)
{
    return CreateWindowW(kind, text, WS_CHILD | WS_VISIBLE | style, x, y, width, height, window, (HMENU)(INT_PTR)id, NULL, NULL);
}

static void labelled(const wchar_t *label, const wchar_t *kind, DWORD style, int id, int y)
{
    add(L"STATIC", label, 0, 0, 10, y, 90, 22);
    add(kind, L"", WS_TABSTOP | style, id, 110, y, 180, wcscmp(kind, L"COMBOBOX") ? 22 : 120);
}

static void fill(void)
{
    static const wchar_t *colours[] = {L"Red", L"Green", L"Blue"}, *fruits[] = {L"Apple", L"Pear", L"Plum"};
    labelled(L"&Name:", L"EDIT", WS_BORDER | ES_AUTOHSCROLL, NAME, 10);
    labelled(L"&Password:", L"EDIT", WS_BORDER | ES_AUTOHSCROLL | ES_PASSWORD, PASSWORD, 40);
    labelled(L"&Colour:", L"COMBOBOX", CBS_DROPDOWNLIST, COLOUR, 70);
    labelled(L"&Short:", L"EDIT", WS_BORDER, BRIEF, 100);
    SendDlgItemMessageW(window, BRIEF, EM_LIMITTEXT, 3, 0);
    labelled(L"&Fixed:", L"EDIT", WS_BORDER | ES_READONLY, LOCKED, 130);
    add(L"STATIC", L"Fr&uit:", 0, 0, 10, 160, 90, 22);
    add(L"LISTBOX", L"", WS_TABSTOP | WS_BORDER | LBS_NOTIFY, FRUIT, 110, 160, 180, 80);
    add(L"STATIC", L"N&otes:", 0, 0, 10, 250, 90, 22);
    add(L"EDIT", L"", WS_TABSTOP | WS_BORDER | ES_MULTILINE | ES_WANTRETURN, NOTES, 110, 250, 180, 80);
    add(L"BUTTON", L"A&gree", BS_AUTOCHECKBOX, AGREE, 310, 10, 120, 24);
    add(L"BUTTON", L"Sma&ll", BS_AUTORADIOBUTTON | WS_GROUP, SMALL, 310, 40, 120, 24);
    add(L"BUTTON", L"La&rge", BS_AUTORADIOBUTTON, LARGE, 310, 70, 120, 24);
    add(L"BUTTON", L"Count && &go", WS_GROUP, COUNT, 310, 100, 120, 24);
    add(L"BUTTON", L"&Wake", 0, WAKE, 310, 130, 120, 24);
    late = add(L"BUTTON", L"La&te", WS_DISABLED, LATE, 310, 160, 120, 24);
    add(L"BUTTON", L"As&k", 0, ASK, 310, 190, 120, 24);
    add(L"BUTTON", L"Same", 0, SAME, 310, 220, 120, 24);
    add(L"BUTTON", L"Same", 0, SAME, 310, 250, 120, 24);
    add(L"BUTTON", L"&Hang", 0, HANG, 310, 280, 120, 24);
    moving = add(L"BUTTON", L"&Move", 0, MOVE, 310, 310, 60, 24);
    add(L"STATIC", L"Pick", SS_NOTIFY, PICK, 10, 310, 60, 24);
    add(L"BUTTON", L"Cover", 0, COVER, 310, 340, 60, 24);
    add(L"BUTTON", L"Leave", 0, LEAVE, 380, 340, 60, 24);
    for (int i = 0; i < 3; i++) {
        SendDlgItemMessageW(window, COLOUR, CB_ADDSTRING, 0, (LPARAM)colours[i]);
        SendDlgItemMessageW(window, FRUIT, LB_ADDSTRING, 0, (LPARAM)fruits[i]);
    }
}

/* Something over a button, that stays in front whatever is clicked; or none any more. */
static void put_over(HWND button)
{
    RECT place;
    GetWindowRect(button, &place);
    if (cover)
        DestroyWindow(cover);
    cover = cover ? NULL : CreateWindowExW(WS_EX_TOPMOST | WS_EX_NOACTIVATE, L"STATIC", L"", WS_POPUP | WS_VISIBLE, place.left, place.top,
                                           place.right - place.left, place.bottom - place.top, window, NULL, NULL, NULL);
}

static void command(int id, int code)
{
    printf("%d %d\n", id, code);
    if (id == WAKE)
        SetTimer(window, LATE, 700, NULL);
    if (id == ASK)
        MessageBoxW(window, L"Is this all?", L"Question", MB_YESNO);
    if (id == COVER)
        put_over(GetDlgItem(window, COUNT));
    if (id == LEAVE)
        SetTimer(window, LEAVE, 700, NULL);
    if (id == HANG)
        Sleep(25000);
    if (id == MOVE)
        SetTimer(window, MOVE, 20, NULL);
}

static LRESULT CALLBACK message(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    switch (number) {
    case WM_COMMAND:
        command(LOWORD(first), HIWORD(first));
        return 0;
    case WM_CONTEXTMENU:
        printf("%d context\n", GetDlgCtrlID((HWND)first));
        return 0;
    case WM_TIMER:
        if (first == LEAVE)
            DestroyWindow(receiver);
        else if (first == LATE)
            EnableWindow(late, TRUE);
        else if (++steps < 60)
            SetWindowPos(moving, NULL, 310 + steps, 310, 0, 0, SWP_NOSIZE | SWP_NOZORDER);
        if (first == LATE || steps == 60)
            KillTimer(receiver, first);
        return 0;
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(receiver, number, first, second);
}

int main(void)
{
    WNDCLASSW kind = {.lpfnWndProc = message, .lpszClassName = L"SmolVMDialog", .hbrBackground = (HBRUSH)(COLOR_BTNFACE + 1),
                      .hCursor = LoadCursor(NULL, IDC_ARROW)};
    MSG taken;
    setvbuf(stdout, NULL, _IONBF, 0);
    RegisterClassW(&kind);
    window = CreateWindowW(L"SmolVMDialog", L"Ordering \u2013 1", WS_OVERLAPPEDWINDOW, 200, 100, 480, 420, NULL, NULL, NULL, NULL);
    fill();
    ShowWindow(window, SW_SHOWNORMAL);
    while (GetMessageW(&taken, NULL, 0, 0) > 0)
        if (!IsDialogMessageW(window, &taken)) {
            TranslateMessage(&taken);
            DispatchMessageW(&taken);
        }
    return 0;
}
