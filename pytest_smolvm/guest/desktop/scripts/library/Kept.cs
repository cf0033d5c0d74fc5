// Where the residents of a session listen, and what they ask for: for a host that has not started them, since it has the
// guest from a layer or a snapshot in which they run.
namespace SmolVM.Desktop
{
    using System.Globalization;
    using Microsoft.Win32;

    internal static class Kept
    {
        /// <summary>In the user's part of the registry, which others may not read.</summary>
        private const string Place = @"Software\pytest-smolvm";

        /// <summary>Of that session; empty if there are none.</summary>
        internal static string Read(int session)
        {
            using (RegistryKey key = Registry.CurrentUser.OpenSubKey(Place))
            {
                return key == null ? string.Empty : key.GetValue(Name(session), string.Empty) as string;
            }
        }

        /// <summary>Volatile: it is gone with the system that they run in.</summary>
        internal static void Write(int session, string told)
        {
            using (RegistryKey key = Registry.CurrentUser.CreateSubKey(
                Place, RegistryKeyPermissionCheck.ReadWriteSubTree, RegistryOptions.Volatile))
            {
                key.SetValue(Name(session), told);
            }
        }

        private static string Name(int session)
        {
            return session.ToString(CultureInfo.InvariantCulture);
        }
    }
}
