namespace PracticeGuest;

/// <summary>What <c>powershell.exe -?</c> prints.</summary>
internal static class Usage
{
    public const string Text =
        "\r\n"
        + "PowerShell[.exe] [-NoLogo] [-NoExit] [-Sta] [-Mta] [-NoProfile] [-NonInteractive]\r\n"
        + "    [-InputFormat {Text | XML}] [-OutputFormat {Text | XML}]\r\n"
        + "    [-WindowStyle <style>] [-EncodedCommand <Base64EncodedCommand>]\r\n"
        + "    [-ExecutionPolicy <ExecutionPolicy>] [-Version <version>]\r\n"
        + "    [-File <filePath> <args>]\r\n"
        + "    [-Command { - | <script-block> [-args <arg-array>]\r\n"
        + "                  | <string> [<CommandParameters>] } ]\r\n"
        + "\r\n"
        + "PowerShell[.exe] -Help | -? | /?\r\n"
        + "\r\n";
}
