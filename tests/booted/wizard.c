/* An installer of the kind that asks page by page. What it does is printed, a line each; what it installs is one file. */
#include <windows.h>
#include <commctrl.h>
#include <stdio.h>

enum { BACK = 501, NEXT, CANCEL, ACCEPT, FOLDER, PROGRESS, TEXT };
enum { WELCOME, LICENCE, WHERE, COPYING, DONE };
enum { TICKS = 20, EVERY = 100 };

static HWND window, back, next, cancel, parts[3];
static int page = -1, count, ticks;
static wchar_t folder[MAX_PATH] = L"C:\\Tool";

static HWND made(const wchar_t *kind, const wchar_t *text, int style, int id, int x, int y, int width, int height)
{
    HWND control = CreateWindowW(kind, text, WS_CHILD | WS_VISIBLE | style, x, y, width, height, window, (HMENU)(UINT_PTR)id, NULL, NULL);
    SendMessageW(control, WM_SETFONT, (WPARAM)GetStockObject(DEFAULT_GUI_FONT), FALSE);
    return control;
}

static void part(const wchar_t *kind, const wchar_t *text, int style, int id, int y, int height)
{
    parts[count++] = made(kind, text, style, id, 20, y, 380, height);
}

static void fill(void)
{
    if (page == WELCOME)
        part(L"STATIC", L"Welcome to the setup of Practice Tool", 0, TEXT, 20, 20);
    if (page == LICENCE) {
        part(L"EDIT", L"You may do with it whatever you like.", WS_BORDER | ES_MULTILINE | ES_READONLY, TEXT, 20, 100);
        part(L"BUTTON", L"Accept the licence", BS_AUTOCHECKBOX | WS_TABSTOP, ACCEPT, 130, 20);
    }
    if (page == WHERE) {
        part(L"STATIC", L"Folder:", 0, TEXT, 20, 20);
        part(L"EDIT", folder, WS_BORDER | WS_TABSTOP | ES_AUTOHSCROLL, FOLDER, 40, 20);
    }
    if (page == COPYING) {
        part(L"STATIC", L"Files are being copied", 0, TEXT, 20, 20);
        part(PROGRESS_CLASSW, L"", 0, PROGRESS, 50, 20);
        ticks = 0;
        SetTimer(window, PROGRESS, EVERY, NULL);
    }
    if (page == DONE)
        part(L"STATIC", L"Practice Tool is installed", 0, TEXT, 20, 20);
}

static void turn(int to)
{
    static const wchar_t *words[] = {L"Next", L"Next", L"Install", L"Next", L"Finish"};
    while (count)
        DestroyWindow(parts[--count]);
    page = to;
    fill();
    SetWindowTextW(next, words[page]);
    EnableWindow(next, page != LICENCE && page != COPYING);
    EnableWindow(back, page == LICENCE || page == WHERE);
    EnableWindow(cancel, page < COPYING);
    printf("page %d\n", page);
}

static void install(void)
{
    wchar_t path[MAX_PATH];
    GetDlgItemTextW(window, FOLDER, folder, MAX_PATH);
    CreateDirectoryW(folder, NULL);
    swprintf(path, MAX_PATH, L"%ls\\tool.txt", folder);
    FILE *file = _wfopen(path, L"w");
    if (file)
        fclose(file);
    printf(file ? "installed into %ls\n" : "cannot write to %ls\n", folder);
}

static void command(int id)
{
    if (id == ACCEPT)
        EnableWindow(next, IsDlgButtonChecked(window, ACCEPT) == BST_CHECKED);
    if (id == BACK)
        turn(page - 1);
    if (id == CANCEL && MessageBoxW(window, L"Leave the setup?", L"Setup", MB_YESNO) == IDYES)
        DestroyWindow(window);
    if (id == NEXT && page == WHERE)
        install();
    if (id == NEXT && page == DONE)
        DestroyWindow(window);
    else if (id == NEXT)
        turn(page + 1);
}

static LRESULT CALLBACK receive(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    if (number == WM_COMMAND)
        command(LOWORD(first));
    if (number == WM_TIMER) {
        SendDlgItemMessageW(receiver, PROGRESS, PBM_SETPOS, 100 * ++ticks / TICKS, 0);
        if (ticks == TICKS) {
            KillTimer(receiver, PROGRESS);
            turn(DONE);
        }
    }
    if (number == WM_CLOSE)
        return SendMessageW(receiver, WM_COMMAND, CANCEL, 0);
    if (number == WM_DESTROY)
        PostQuitMessage(0);
    return DefWindowProcW(receiver, number, first, second);
}

int main(void)
{
    WNDCLASSW kind = {.lpfnWndProc = receive, .lpszClassName = L"Wizard", .hbrBackground = (HBRUSH)(COLOR_BTNFACE + 1)};
    MSG message;
    setvbuf(stdout, NULL, _IONBF, 0);
    InitCommonControls();
    RegisterClassW(&kind);
    window = CreateWindowW(L"Wizard", L"Setup of Practice Tool", WS_OVERLAPPED | WS_CAPTION | WS_SYSMENU, 200, 200, 430, 270, NULL, NULL, NULL, NULL);
    back = made(L"BUTTON", L"Back", WS_TABSTOP, BACK, 130, 190, 80, 26);
    next = made(L"BUTTON", L"Next", WS_TABSTOP, NEXT, 220, 190, 80, 26);
    cancel = made(L"BUTTON", L"Cancel", WS_TABSTOP, CANCEL, 320, 190, 80, 26);
    turn(WELCOME);
    ShowWindow(window, SW_SHOW);
    while (GetMessageW(&message, NULL, 0, 0) > 0)
        if (!IsDialogMessageW(window, &message)) {
            TranslateMessage(&message);
            DispatchMessageW(&message);
        }
    return 0;
}
