using System;
using System.IO;
using System.Linq;

namespace PracticeGuest;

/// <summary>The environment variables that the engine looks at while it starts.</summary>
internal static class EngineEnvironment
{
    // A guest must not phone home, and nobody attaches a debugger to it: both would also cost start-up time.
    private static readonly string[] Refusals = ["POWERSHELL_TELEMETRY_OPTOUT", "POWERSHELL_DIAGNOSTICS_OPTOUT"];

    private static readonly string InheritedModulePath = Environment.GetEnvironmentVariable("PSModulePath") ?? "";

    /// <summary>Before the engine is touched.</summary>
    public static void Prepare()
    {
        foreach (var name in Refusals)
        {
            Environment.SetEnvironmentVariable(name, "1");
        }
    }

    /// <summary>When the engine has started: programs that scripts start see what they would see on Windows.</summary>
    public static void Finish()
    {
        foreach (var name in Refusals)
        {
            Environment.SetEnvironmentVariable(name, null);
        }

        Environment.SetEnvironmentVariable("PSModulePath", ModulePath());
    }

    /// <summary>The module folders of Windows PowerShell, and those the caller named; the engine's are PowerShell 7's.</summary>
    private static string ModulePath()
    {
        var documents = Environment.GetFolderPath(Environment.SpecialFolder.MyDocuments);
        var programs = Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles);
        string[] folders =
        [
            Path.Combine(documents, "WindowsPowerShell", "Modules"),
            .. InheritedModulePath.Split(';', StringSplitOptions.RemoveEmptyEntries),
            Path.Combine(programs, "WindowsPowerShell", "Modules"),
            Path.Combine(AppContext.BaseDirectory, "Modules"),
        ];
        return string.Join(';', folders.Distinct(StringComparer.OrdinalIgnoreCase));
    }
}
