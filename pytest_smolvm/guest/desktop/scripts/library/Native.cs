// What is used of Windows.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;
    using System.Text;

    internal static class Native
    {
        internal delegate bool Visitor(IntPtr window, IntPtr about);

        [DllImport("kernel32.dll")]
        internal static extern int GetCurrentProcessId();

        [DllImport("kernel32.dll")]
        internal static extern int GetCurrentThreadId();

        [DllImport("kernel32.dll")]
        internal static extern bool ProcessIdToSessionId(int process, out int session);

        [DllImport("kernel32.dll")]
        internal static extern int WTSGetActiveConsoleSessionId();

        [DllImport("kernel32.dll")]
        internal static extern IntPtr OpenProcess(int access, bool inherit, int process);

        [DllImport("kernel32.dll")]
        internal static extern bool CloseHandle(IntPtr handle);

        [DllImport("kernel32.dll")]
        internal static extern bool IsWow64Process(IntPtr process, out bool translated);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr VirtualAllocEx(IntPtr process, IntPtr place, IntPtr size, int kind, int protection);

        [DllImport("kernel32.dll")]
        internal static extern bool VirtualFreeEx(IntPtr process, IntPtr place, IntPtr size, int kind);

        [DllImport("kernel32.dll")]
        internal static extern bool ReadProcessMemory(IntPtr process, IntPtr place, [Out] byte[] bytes, IntPtr size, out IntPtr done);

        [DllImport("kernel32.dll")]
        internal static extern bool WriteProcessMemory(IntPtr process, IntPtr place, byte[] bytes, IntPtr size, out IntPtr done);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        internal static extern bool QueryFullProcessImageNameW(IntPtr process, int flags, StringBuilder name, ref int size);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr CreateToolhelp32Snapshot(int what, int process);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        internal static extern bool Process32FirstW(IntPtr snapshot, ref ProcessEntry entry);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        internal static extern bool Process32NextW(IntPtr snapshot, ref ProcessEntry entry);

        [DllImport("user32.dll")]
        internal static extern IntPtr OpenInputDesktop(int flags, bool inherit, int access);

        [DllImport("user32.dll")]
        internal static extern bool CloseDesktop(IntPtr desktop);

        [DllImport("user32.dll")]
        internal static extern IntPtr GetThreadDesktop(int thread);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern bool GetUserObjectInformationW(IntPtr item, int about, StringBuilder name, int size, out int needed);

        [DllImport("user32.dll")]
        internal static extern bool EnumWindows(Visitor visitor, IntPtr about);

        [DllImport("user32.dll")]
        internal static extern bool EnumChildWindows(IntPtr window, Visitor visitor, IntPtr about);

        [DllImport("user32.dll")]
        internal static extern bool IsWindow(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool IsWindowVisible(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool IsWindowEnabled(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool IsIconic(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool PostMessageW(IntPtr window, int message, IntPtr first, IntPtr second);

        [DllImport("user32.dll")]
        internal static extern bool IsChild(IntPtr parent, IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool GetWindowRect(IntPtr window, out Rectangle rectangle);

        [DllImport("user32.dll")]
        internal static extern bool GetClientRect(IntPtr window, out Rectangle rectangle);

        [DllImport("user32.dll")]
        internal static extern bool ClientToScreen(IntPtr window, ref Point point);

        [DllImport("user32.dll")]
        internal static extern IntPtr GetAncestor(IntPtr window, int which);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern int GetClassNameW(IntPtr window, StringBuilder name, int size);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern int GetWindowTextW(IntPtr window, StringBuilder text, int size);

        [DllImport("user32.dll")]
        internal static extern int GetWindowLongW(IntPtr window, int which);

        [DllImport("user32.dll")]
        internal static extern int GetWindowThreadProcessId(IntPtr window, out int process);

        [DllImport("user32.dll")]
        internal static extern IntPtr GetMenu(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern int GetDlgCtrlID(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern IntPtr WindowFromPoint(Point point);

        [DllImport("user32.dll")]
        internal static extern bool GetCursorPos(out Point point);

        [DllImport("user32.dll")]
        internal static extern int GetSystemMetrics(int which);

        [DllImport("user32.dll")]
        internal static extern IntPtr GetForegroundWindow();

        [DllImport("user32.dll")]
        internal static extern bool SetForegroundWindow(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern IntPtr SetFocus(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool AttachThreadInput(int thread, int to, bool attach);

        [DllImport("user32.dll")]
        internal static extern bool GetGUIThreadInfo(int thread, ref ThreadInformation information);

        [DllImport("user32.dll")]
        internal static extern short GetKeyState(int key);

        [DllImport("user32.dll", SetLastError = true)]
        internal static extern int SendInput(int count, Input[] inputs, int size);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern IntPtr CreateWindowExW(
            int more, string kind, string text, int style, int left, int top, int width, int height, IntPtr parent, IntPtr menu, IntPtr module, IntPtr about);

        [DllImport("user32.dll")]
        internal static extern bool DestroyWindow(IntPtr window);

        [DllImport("user32.dll")]
        internal static extern bool OpenClipboard(IntPtr owner);

        [DllImport("user32.dll")]
        internal static extern IntPtr GetOpenClipboardWindow();

        [DllImport("user32.dll")]
        internal static extern bool CloseClipboard();

        [DllImport("user32.dll")]
        internal static extern bool EmptyClipboard();

        [DllImport("user32.dll")]
        internal static extern IntPtr GetClipboardData(int format);

        [DllImport("user32.dll")]
        internal static extern IntPtr SetClipboardData(int format, IntPtr data);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GlobalAlloc(int flags, IntPtr size);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GlobalFree(IntPtr data);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GlobalLock(IntPtr data);

        [DllImport("kernel32.dll")]
        internal static extern bool GlobalUnlock(IntPtr data);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GlobalSize(IntPtr data);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern IntPtr SendMessageTimeoutW(
            IntPtr window, int message, IntPtr first, IntPtr second, int flags, int milliseconds, out IntPtr result);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern IntPtr SendMessageTimeoutW(
            IntPtr window, int message, IntPtr first, StringBuilder second, int flags, int milliseconds, out IntPtr result);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern IntPtr SendMessageTimeoutW(
            IntPtr window, int message, IntPtr first, string second, int flags, int milliseconds, out IntPtr result);

        [DllImport("user32.dll", CharSet = CharSet.Unicode)]
        internal static extern IntPtr SendMessageTimeoutW(
            IntPtr window, int message, IntPtr first, ref Rectangle second, int flags, int milliseconds, out IntPtr result);

        [StructLayout(LayoutKind.Sequential)]
        internal struct Rectangle
        {
            internal int Left, Top, Right, Bottom;

            internal bool IsEmpty
            {
                get { return this.Right <= this.Left || this.Bottom <= this.Top; }
            }

            internal Point Middle
            {
                get
                {
                    var middle = new Point();
                    middle.X = this.Left + ((this.Right - this.Left) / 2);
                    middle.Y = this.Top + ((this.Bottom - this.Top) / 2);
                    return middle;
                }
            }

            internal Rectangle Moved(int right, int down)
            {
                var moved = this;
                moved.Left += right;
                moved.Right += right;
                moved.Top += down;
                moved.Bottom += down;
                return moved;
            }

            internal Rectangle Moved(Point by)
            {
                return this.Moved(by.X, by.Y);
            }
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Point
        {
            internal int X, Y;

            internal static Point At(int x, int y)
            {
                var point = new Point();
                point.X = x;
                point.Y = y;
                return point;
            }
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct ThreadInformation
        {
            internal int Size, Flags;
            internal IntPtr Active, Focus, Capture, MenuOwner, MoveSize, Caret;
            internal Rectangle CaretPlace;
        }

        [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
        internal struct ProcessEntry
        {
            internal int Size, Usage, Process;
            internal IntPtr Heap;
            internal int Module, Threads, Parent, Priority, Flags;

            [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 260)]
            internal string File;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Mouse
        {
            internal int X, Y, Data, Flags, Time;
            internal IntPtr More;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Key
        {
            internal ushort Code, Scan;
            internal int Flags, Time;
            internal IntPtr More;
        }

        [StructLayout(LayoutKind.Explicit)]
        internal struct MouseOrKey
        {
            [FieldOffset(0)]
            internal Mouse Mouse;

            [FieldOffset(0)]
            internal Key Key;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Input
        {
            internal int Kind; // 0: mouse, 1: keyboard
            internal MouseOrKey What;
        }
    }
}
