using System;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PracticeGuest;

/// <summary>A console without a window: 120 columns, as Windows gives a process that is started without one.</summary>
internal sealed class ConsoleRawInterface : PSHostRawUserInterface
{
    private static readonly Size Buffer = new(120, 9001);

    private static readonly Size Window = new(120, 30);

    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override Coordinates CursorPosition { get; set; }

    public override Coordinates WindowPosition { get; set; }

    public override int CursorSize { get; set; } = 25;

    public override Size BufferSize { get; set; } = Buffer;

    public override Size WindowSize { get; set; } = Window;

    public override Size MaxWindowSize => Window;

    public override Size MaxPhysicalWindowSize => Window;

    public override string WindowTitle { get; set; } = "Windows PowerShell";

    public override bool KeyAvailable => false;

    public override void FlushInputBuffer()
    {
    }

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw NoScreen("ReadKey");

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw NoScreen("GetBufferContents");

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) =>
        throw NoScreen("ScrollBufferContents");

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw NoScreen("SetBufferContents");

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw NoScreen("SetBufferContents");

    private static PSNotSupportedException NoScreen(string member) =>
        new($"The practice guest's console has no screen buffer: {member} is not available.");
}
