/* A window with a menu, and with what it paints itself. What reaches it is printed, a line each. */
#include <windows.h>
#include <windowsx.h>
#include <stdio.h>

enum { NEW = 301, SAVE, PLAIN, RICH, ABOUT, NEVER, PIECE = 310, BIN };

static HWND window;
static RECT total = {20, 20, 200, 50}, first = {20, 60, 120, 90}, second = {160, 60, 260, 90}, icon = {300, 20, 332, 52};
static WNDPROC usual;
static int moves;

static HMENU menu(void)
{
    HMENU bar = CreateMenu(), file = CreatePopupMenu(), export = CreatePopupMenu(), help = CreatePopupMenu();
    AppendMenuW(export, MF_STRING, PLAIN, L"As &plain text");
    AppendMenuW(export, MF_STRING, RICH, L"As &rich text");
    AppendMenuW(file, MF_STRING, NEW, L"&New\tCtrl+N");
    AppendMenuW(file, MF_STRING, SAVE, L"Save &as...");
    AppendMenuW(file, MF_STRING | MF_GRAYED, NEVER, L"&Disabled");
    AppendMenuW(file, MF_POPUP, (UINT_PTR)export, L"&Export");
    AppendMenuW(help, MF_STRING, ABOUT, L"&About");
    AppendMenuW(bar, MF_POPUP, (UINT_PTR)file, L"&File");
    AppendMenuW(bar, MF_POPUP, (UINT_PTR)help, L"&Help");
    return bar;
}

static void boxed(HDC on, RECT *place, const wchar_t *text)
{
    FrameRect(on, place, GetStockObject(BLACK_BRUSH));
    DrawTextW(on, text, -1, place, DT_CENTER | DT_VCENTER | DT_SINGLELINE);
}

static void paint(void)
{
    PAINTSTRUCT told;
    HDC on = BeginPaint(window, &told);
    SetBkMode(on, TRANSPARENT);
    SelectObject(on, GetStockObject(DEFAULT_GUI_FONT));
    boxed(on, &total, L"Total: 42 EUR");
    boxed(on, &first, L"Remove");
    boxed(on, &second, L"Remove");
    FillRect(on, &icon, GetStockObject(BLACK_BRUSH));
    for (int i = 4; i < 28; i += 8) {
        RECT bar = {icon.left + i, icon.top + i, icon.left + i + 4, icon.bottom - 4};
        FillRect(on, &bar, GetStockObject(WHITE_BRUSH));
    }
    EndPaint(window, &told);
}

static void pressed(const char *how, LPARAM where)
{
    POINT at = {GET_X_LPARAM(where), GET_Y_LPARAM(where)};
    const char *what = PtInRect(&total, at) ? "total" : PtInRect(&first, at) ? "first" : PtInRect(&second, at) ? "second" : PtInRect(&icon, at) ? "icon" : "nothing";
    printf("%s %s\n", how, what);
}

/* A label that is dragged: it says where it is let go, and how often it was moved. */
static LRESULT CALLBACK piece(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    POINT at = {GET_X_LPARAM(second), GET_Y_LPARAM(second)};
    if (number == WM_NCHITTEST)
        return HTCLIENT;
    if (number == WM_LBUTTONDOWN) {
        moves = 0;
        SetCapture(receiver);
    }
    if (number == WM_MOUSEMOVE && GetCapture() == receiver)
        moves++;
    if (number == WM_LBUTTONUP && GetCapture() == receiver) {
        ReleaseCapture();
        ClientToScreen(receiver, &at);
        HWND below = WindowFromPoint(at);
        printf("dropped on %d after %s\n", below == window ? 0 : GetDlgCtrlID(below), moves > 4 ? "moves" : "a jump");
    }
    return CallWindowProcW(usual, receiver, number, first, second);
}

static void command(int id)
{
    printf("menu %d\n", id);
    if (id == ABOUT)
        printf("answer %d\n", MessageBoxW(window, L"Keep the changes?", L"Board", MB_YESNOCANCEL));
}

static LRESULT CALLBACK message(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    switch (number) {
    case WM_PAINT:
        paint();
        return 0;
    case WM_COMMAND:
        if (!HIWORD(first) && !second)
            command(LOWORD(first));
        return 0;
    case WM_LBUTTONDOWN:
        pressed("left", second);
        return 0;
    case WM_LBUTTONDBLCLK:
        pressed("double", second);
        return 0;
    case WM_RBUTTONDOWN:
        pressed("right", second);
        return 0;
    case WM_MOUSEWHEEL:
        printf("wheel %d\n", GET_WHEEL_DELTA_WPARAM(first) / WHEEL_DELTA);
        return 0;
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(receiver, number, first, second);
}

int main(void)
{
    WNDCLASSW kind = {.style = CS_DBLCLKS, .lpfnWndProc = message, .lpszClassName = L"SmolVMBoard", .hbrBackground = (HBRUSH)(COLOR_WINDOW + 1),
                      .hCursor = LoadCursor(NULL, IDC_ARROW)};
    MSG taken;
    setvbuf(stdout, NULL, _IONBF, 0);
    RegisterClassW(&kind);
    window = CreateWindowW(L"SmolVMBoard", L"Board", WS_OVERLAPPEDWINDOW, 200, 100, 460, 260, NULL, menu(), NULL, NULL);
    HWND label = CreateWindowW(L"STATIC", L"Piece", WS_CHILD | WS_VISIBLE | WS_BORDER | SS_NOTIFY, 20, 120, 60, 24, window, (HMENU)PIECE, NULL, NULL);
    CreateWindowW(L"BUTTON", L"Bin", WS_CHILD | WS_VISIBLE, 300, 120, 100, 50, window, (HMENU)BIN, NULL, NULL);
    usual = (WNDPROC)SetWindowLongPtrW(label, GWLP_WNDPROC, (LONG_PTR)piece);
    ShowWindow(window, SW_SHOWNORMAL);
    while (GetMessageW(&taken, NULL, 0, 0) > 0) {
        TranslateMessage(&taken);
        DispatchMessageW(&taken);
    }
    return 0;
}
