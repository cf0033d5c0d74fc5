// Has Windows log this user on at the screen when it starts, and takes that back.
namespace SmolVM.Desktop
{
    using System;
    using System.ComponentModel;
    using System.Globalization;
    using System.Runtime.InteropServices;
    using System.Security.Principal;
    using System.Text;
    using Microsoft.Win32;

    /// <summary>
    /// Winlogon does it where AutoAdminLogon is "1", as the account that two more values name, with the password that the LSA
    /// keeps as the secret DefaultPassword; and at every start, unless AutoLogonCount says how often (Microsoft,
    /// "Winlogon and Credential Providers", "Protecting the Automatic Logon Password").
    /// </summary>
    public static class Logon
    {
        private const string Winlogon = @"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
        private const string Password = "DefaultPassword";
        private const uint NotFound = 0xC0000034; // STATUS_OBJECT_NAME_NOT_FOUND
        private static readonly string[] Values = { "AutoAdminLogon", "DefaultUserName", "DefaultDomainName", "AutoLogonCount" };

        /// <summary>Have it done at each start from now on.</summary>
        /// <param name="password">This user's.</param>
        /// <returns>What Winlogon's values were, for <see cref="Forget"/>.</returns>
        public static string Arrange(string password)
        {
            string[] account = WindowsIdentity.GetCurrent().Name.Split('\\');
            using (RegistryKey key = Open())
            {
                var before = new StringBuilder();
                foreach (string name in Values)
                {
                    object value = key.GetValue(name);
                    if (value != null)
                    {
                        before.Append(value is int ? 'd' : 's').Append(name).Append('=').Append(value).Append('\n');
                    }
                }

                Keep(password);
                key.DeleteValue("AutoLogonCount", false);
                key.SetValue("DefaultDomainName", account[0]);
                key.SetValue("DefaultUserName", account[1]);
                key.SetValue("AutoAdminLogon", "1"); // a text, as all but the count
                return before.ToString();
            }
        }

        /// <summary>Have it done no more; nothing of it is left.</summary>
        /// <param name="before">What <see cref="Arrange"/> returned.</param>
        public static void Forget(string before)
        {
            using (RegistryKey key = Open())
            {
                foreach (string name in Values)
                {
                    key.DeleteValue(name, false);
                }

                foreach (string line in before.Split(new[] { '\n' }, StringSplitOptions.RemoveEmptyEntries))
                {
                    int end = line.IndexOf('=');
                    string value = line.Substring(end + 1);
                    key.SetValue(line.Substring(1, end - 1), line[0] == 'd' ? (object)int.Parse(value, CultureInfo.InvariantCulture) : value);
                }
            }

            Keep(null);
        }

        private static RegistryKey Open()
        {
            using (RegistryKey machine = RegistryKey.OpenBaseKey(RegistryHive.LocalMachine, RegistryView.Registry64))
            {
                RegistryKey key = machine.OpenSubKey(Winlogon, true);
                if (key == null)
                {
                    throw new InvalidOperationException(@"there is no key HKLM\" + Winlogon);
                }

                return key;
            }
        }

        /// <summary>Have the LSA keep the password; null: none.</summary>
        private static void Keep(string password)
        {
            const int CreateSecret = 0x20; // POLICY_CREATE_SECRET
            var attributes = new Attributes();
            IntPtr policy;
            Check(LsaOpenPolicy(IntPtr.Zero, ref attributes, CreateSecret, out policy));
            try
            {
                Store(policy, password);
            }
            finally
            {
                LsaClose(policy);
            }
        }

        private static void Store(IntPtr policy, string password)
        {
            var name = new Text(Password);
            var data = new Text(password);
            IntPtr given = password == null ? IntPtr.Zero : Marshal.AllocHGlobal(Marshal.SizeOf(typeof(Text)));
            try
            {
                if (password != null)
                {
                    Marshal.StructureToPtr(data, given, false);
                }

                uint status = LsaStorePrivateData(policy, ref name, given);
                Check(password == null && status == NotFound ? 0 : status);
            }
            finally
            {
                name.Free();
                data.Free();
                Marshal.FreeHGlobal(given);
            }
        }

        private static void Check(uint status)
        {
            if (status != 0)
            {
                throw new Win32Exception(LsaNtStatusToWinError(status));
            }
        }

        [DllImport("Advapi32.dll")]
        private static extern uint LsaOpenPolicy(IntPtr computer, ref Attributes attributes, int access, out IntPtr policy);

        [DllImport("Advapi32.dll")]
        private static extern uint LsaStorePrivateData(IntPtr policy, ref Text name, IntPtr data);

        [DllImport("Advapi32.dll")]
        private static extern int LsaNtStatusToWinError(uint status);

        [DllImport("Advapi32.dll")]
        private static extern uint LsaClose(IntPtr policy);

        /// <summary>LSA_UNICODE_STRING; lengths are bytes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        private struct Text
        {
            private readonly ushort length;
            private readonly ushort room;
            private IntPtr text;

            internal Text(string text)
            {
                this.length = this.room = (ushort)(text == null ? 0 : 2 * text.Length);
                this.text = Marshal.StringToHGlobalUni(text);
            }

            /// <summary>Leaves nothing of it in memory.</summary>
            internal void Free()
            {
                Marshal.ZeroFreeGlobalAllocUnicode(this.text);
                this.text = IntPtr.Zero;
            }
        }

        /// <summary>LSA_OBJECT_ATTRIBUTES, all of which is to be empty.</summary>
        [StructLayout(LayoutKind.Sequential)]
        private struct Attributes
        {
            private readonly int length;
            private readonly IntPtr directory;
            private readonly IntPtr name;
            private readonly int flags;
            private readonly IntPtr security;
            private readonly IntPtr quality;
        }
    }
}
