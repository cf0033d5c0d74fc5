using System;
using System.IO;
using System.Reflection;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// The engine's formatter. Its front-end classes are public, what they drive is not: this is the only place that reaches
/// behind them, so that tables and lists look as the engine's own Out-Default shows them.
/// </summary>
internal static class EngineFormatting
{
    private const string Namespace = "Microsoft.PowerShell.Commands.Internal.Format.";

    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    private static readonly FieldInfo Implementation = typeof(FrontEndCommandBase).GetField("implementation", Hidden)!;

    /// <summary>Makes a Format- cmdlet produce one shape: Table, List, Wide or Complex.</summary>
    public static void UseShape(FrontEndCommandBase cmdlet, string shape) =>
        Implementation.SetValue(cmdlet, New("InnerFormatShapeCommand", Enum.Parse(Type("FormatShape"), shape)));

    /// <summary>Makes an Out- cmdlet write its lines to <paramref name="writer"/>.</summary>
    public static void WriteTo(FrontEndCommandBase cmdlet, TextWriter writer, int width, bool noNewline)
    {
        var output = New("OutCommandInner");
        output.GetType().GetProperty("LineOutput", Hidden)!.SetValue(output, New("TextWriterLineOutput", writer, width, noNewline));
        Implementation.SetValue(cmdlet, output);
    }

    /// <summary>Gives Format-Wide its one property and its columns, which the engine's base class has no parameters for.</summary>
    public static void SetWide(FrontEndCommandBase cmdlet, object? property, bool autoSize, int columns)
    {
        var parameters = New("FormattingCommandLineParameters");
        Set(parameters, "autosize", autoSize);
        if (property is not null)
        {
            Set(parameters, "mshParameterList", WideProperty(cmdlet, property));
        }

        var shape = New("WideSpecificParameters");
        Set(shape, "columns", columns > 0 ? columns : null);
        Set(parameters, "shapeParameters", shape);
        var implementation = Implementation.GetValue(cmdlet)!;
        implementation.GetType().GetMethod("SetCommandLineParameters", Hidden)!.Invoke(implementation, [parameters]);
    }

    private static object WideProperty(FrontEndCommandBase cmdlet, object property)
    {
        var processor = New("ParameterProcessor", New("FormatWideParameterDefinition"));
        var context = New("TerminatingErrorContext", cmdlet);
        return processor.GetType().GetMethod("ProcessParameters", Hidden)!.Invoke(processor, [new[] { property }, context])!;
    }

    private static void Set(object target, string field, object? value) => target.GetType().GetField(field, Hidden)!.SetValue(target, value);

    private static object New(string name, params object?[] arguments) =>
        Activator.CreateInstance(Type(name), Hidden, null, arguments, null)!;

    private static Type Type(string name) =>
        typeof(FrontEndCommandBase).Assembly.GetType(Namespace + name, throwOnError: true)!;
}
