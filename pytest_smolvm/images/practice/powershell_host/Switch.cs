using Microsoft.Win32;

namespace PracticeGuest;

/// <summary>Switches of the guest, by which it becomes harsher than it is: numbers in the registry.</summary>
internal static class Switch
{
    private const string Key = @"HKEY_LOCAL_MACHINE\SOFTWARE\pytest-smolvm\practice";

    public static bool IsOn(string name) => Registry.GetValue(Key, name, 0) is int number && number != 0;
}
