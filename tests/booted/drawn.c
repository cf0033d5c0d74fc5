/* A window that draws its own controls, as newer programs do. What reaches it is printed, a line each. */
#include "parts.h"
#include "provider.h"

static void paint(void)
{
    PAINTSTRUCT paint;
    HDC canvas = BeginPaint(window, &paint);
    for (int part = 1; part < PARTS; part++) {
        struct part *it = &parts[part];
        RECT where = place(part);
        if (!shown(part) || IsRectEmpty(&where))
            continue;
        FrameRect(canvas, &where, GetStockObject(it->on ? BLACK_BRUSH : GRAY_BRUSH));
        if (it->type != LIST)
            DrawTextW(canvas, it->patterns & VALUE ? part == SECRET ? L"****" : it->text : it->name, -1, &where, DT_CENTER);
    }
    EndPaint(window, &paint);
}

static void clicked(int part)
{
    if (parts[part].disabled)
        return;
    focus = part;
    say("clicked", part);
    used(part);
}

/* Control and A selects all, and what is typed then takes its place. */
static void typed(wchar_t letter)
{
    static BOOL all;
    wchar_t text[100];
    if (focus < 0 || !(parts[focus].patterns & VALUE))
        return;
    if (letter != 1) {
        swprintf(text, 100, L"%ls%lc", all ? L"" : parts[focus].text, letter);
        put(focus, text);
        printf("%ls: %ls\n", parts[focus].name, text);
    }
    all = letter == 1;
}

static LRESULT CALLBACK message(HWND receiver, UINT number, WPARAM first, LPARAM second)
{
    if (number >= WM_APP && number < WM_APP + 10)
        return used_by(number, (int)first);
    switch (number) {
    case WM_GETOBJECT:
        return (LONG)second == UiaRootObjectId ? provided(first, second) : DefWindowProcW(receiver, number, first, second);
    case WM_PAINT:
        paint();
        return 0;
    case WM_LBUTTONDOWN:
        SetFocus(receiver);
        clicked(at((short)LOWORD(second), (short)HIWORD(second)));
        return 0;
    case WM_CHAR:
        typed((wchar_t)first);
        return 0;
    case WM_COPYDATA:
        return written((COPYDATASTRUCT *)second);
    case WM_TIMER:
        KillTimer(receiver, first);
        parts[LATE].disabled = FALSE;
        return 0;
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(receiver, number, first, second);
}

int main(int number, char **words)
{
    WNDCLASSW kind = {.lpfnWndProc = message, .lpszClassName = L"SmolVMDrawn", .hbrBackground = (HBRUSH)(COLOR_WINDOW + 1),
                      .hCursor = LoadCursor(NULL, IDC_ARROW)};
    MSG taken;
    setvbuf(stdout, NULL, _IONBF, 0);
    count = number > 1 && !strcmp(words[1], "few") ? FEW : PARTS;
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    awake = CreateEventW(NULL, TRUE, TRUE, NULL);
    begin();
    RegisterClassW(&kind);
    window = CreateWindowW(L"SmolVMDrawn", L"Drawn", WS_OVERLAPPEDWINDOW, 200, 100, 420, 340, NULL, NULL, NULL, NULL);
    ShowWindow(window, SW_SHOWNORMAL);
    while (GetMessageW(&taken, NULL, 0, 0) > 0) {
        TranslateMessage(&taken);
        DispatchMessageW(&taken);
    }
    return 0;
}
