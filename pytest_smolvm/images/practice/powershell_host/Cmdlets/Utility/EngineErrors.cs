using System.Management.Automation;
using System.Reflection;

namespace Microsoft.PowerShell.Commands;

/// <summary>Says on whose behalf an error is written; the engine lets only its own assemblies do so.</summary>
internal static class EngineErrors
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly MethodInfo SetInvocationInfo =
        typeof(ErrorRecord).GetMethod("SetInvocationInfo", Hidden, [typeof(InvocationInfo)])!;

    private static readonly PropertyInfo PreserveOnce = typeof(ErrorRecord).GetProperty("PreserveInvocationInfoOnce", Hidden)!;

    public static void Attribute(ErrorRecord record, InvocationInfo caller)
    {
        SetInvocationInfo.Invoke(record, [caller]);
        PreserveOnce.SetValue(record, true);
    }
}
