using System.Management.Automation;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace Microsoft.PowerShell.Commands;

/// <summary>Format-Table.</summary>
[Cmdlet(VerbsCommon.Format, "Table")]
public sealed class FormatTableCommand : OuterFormatTableBase
{
    public FormatTableCommand() => EngineFormatting.UseShape(this, "Table");
}

/// <summary>Format-List.</summary>
[Cmdlet(VerbsCommon.Format, "List")]
public sealed class FormatListCommand : OuterFormatTableAndListBase
{
    public FormatListCommand() => EngineFormatting.UseShape(this, "List");
}

/// <summary>Format-Custom.</summary>
[Cmdlet(VerbsCommon.Format, "Custom")]
public sealed class FormatCustomCommand : OuterFormatShapeCommandBase
{
    public FormatCustomCommand() => EngineFormatting.UseShape(this, "Complex");
}

/// <summary>Format-Wide: one property, in columns.</summary>
[Cmdlet(VerbsCommon.Format, "Wide")]
public sealed class FormatWideCommand : OuterFormatShapeCommandBase
{
    public FormatWideCommand() => EngineFormatting.UseShape(this, "Wide");

    [Parameter(Position = 0)]
    public object? Property { get; set; }

    [Parameter]
    public SwitchParameter AutoSize { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Column { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        EngineFormatting.SetWide(this, Property, AutoSize, Column);
    }
}
