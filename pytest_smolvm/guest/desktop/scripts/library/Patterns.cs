// What elements of UI Automation let others do with them, as COM has it (UIAutomationClient.h, since Windows 7).
namespace SmolVM.Desktop
{
    using System.Runtime.InteropServices;

    /// <summary>Their numbers.</summary>
    internal static class Patterns
    {
        internal const int Invoke = 10000;
        internal const int Value = 10002;
        internal const int ExpandCollapse = 10005;
        internal const int SelectionItem = 10010;
        internal const int Toggle = 10015;
        internal const int ScrollItem = 10017;
    }

    [ComImport]
    [Guid("fb377fbe-8ea6-46d5-9c73-6499642d3059")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IInvokePattern
    {
        void Invoke();
    }

    [ComImport]
    [Guid("a94cd8b1-0844-4cd6-9d2d-640537ab39e9")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IValuePattern
    {
        void SetValue([MarshalAs(UnmanagedType.BStr)] string value);
    }

    [ComImport]
    [Guid("619be086-1f4e-4ee4-bafa-210128738730")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IExpandCollapsePattern
    {
        void Expand();

        void Collapse();
    }

    [ComImport]
    [Guid("a8efa66a-0fda-421a-9194-38021f3578ea")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface ISelectionItemPattern
    {
        void Select();
    }

    [ComImport]
    [Guid("94cf8058-9b8d-4ab9-8bfd-4cd0a33c8c70")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface ITogglePattern
    {
        void Toggle();
    }

    [ComImport]
    [Guid("b488300f-d015-4f19-9c29-bb595e3645ef")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IScrollItemPattern
    {
        void ScrollIntoView();
    }
}
