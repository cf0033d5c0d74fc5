using System;

namespace PracticeGuest;

/// <summary>The entry of powershell.exe.</summary>
internal static class Program
{
    // 0xFFFD0000: what powershell.exe exits with when it refuses its own command line.
    private const int BadCommandLine = unchecked((int)0xFFFD0000);

    // Threads that a script left behind, such as a runspace pool's, don't keep the process, as they don't on Windows.
    private static void Main(string[] words) => Environment.Exit(Run(words));

    private static int Run(string[] words)
    {
        ConsoleEncoding.UseOemCodePage();
        EngineEnvironment.Prepare();
        try
        {
            var line = CommandLine.Parse(words);
            if (line.Mode == StartMode.Help)
            {
                Console.Out.Write(Usage.Text);
                return 0;
            }

            return new ConsoleSession(line).Run();
        }
        catch (CommandLineException refusal)
        {
            Console.Error.WriteLine(refusal.Message);
            return BadCommandLine;
        }
    }
}
