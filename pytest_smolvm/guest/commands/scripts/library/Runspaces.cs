// Runspaces, made as powershell.exe makes its own, and kept open in advance.
namespace SmolVM
{
    using System.Collections.Generic;
    using System.Management.Automation;
    using System.Management.Automation.Host;
    using System.Management.Automation.Runspaces;
    using System.Reflection;
    using System.Text;
    using System.Threading.Tasks;

    internal sealed class Runspaces
    {
        private const int Most = 3;

        // What a new runspace runs first, so that a script finds the cmdlets that print loaded. It prints nothing itself.
        private const string FirstLine = "$null | Out-Default; $null = 1 | Microsoft.PowerShell.Utility\\Out-String";
        private readonly PSHost host;
        private readonly Runspace own = Runspace.DefaultRunspace;
        private readonly Queue<Spare> spares = new Queue<Spare>();

        internal Runspaces(PSHost host)
        {
            this.host = host;
        }

        /// <summary>Take one further step in preparing spares, if there is something to do and nothing under way; its task, if any.</summary>
        internal Task Step()
        {
            foreach (Spare spare in this.spares)
            {
                if (!spare.Ready.IsCompleted)
                {
                    return spare.Ready;
                }

                if (spare.Shell == null)
                {
                    spare.Shell = PowerShell.Create();
                    spare.Shell.Runspace = spare.Runspace;
                    spare.Shell.AddScript(FirstLine);
                    spare.Ready = Call.Begun(spare.Shell, Call.NoInput(), new PSInvocationSettings());
                    return spare.Ready;
                }
            }

            if (this.spares.Count == Most)
            {
                return null;
            }

            this.spares.Enqueue(this.Opening());
            return this.Step();
        }

        /// <summary>One that is open.</summary>
        internal Runspace Take()
        {
            Spare spare = this.spares.Count > 0 ? this.spares.Dequeue() : this.Opening();
            Task.WaitAny(spare.Ready);
            if (spare.Shell != null)
            {
                spare.Shell.Dispose();
            }

            return spare.Runspace;
        }

        private Spare Opening()
        {
            Runspace runspace = this.New();
            return new Spare { Runspace = runspace, Ready = Task.Run(() => runspace.Open()) };
        }

        /// <summary>A closed one with the state that powershell.exe itself started with.</summary>
        private Runspace New()
        {
            InitialSessionState state = this.own.InitialSessionState.Clone();
            state.Commands.Add(new SessionStateFunctionEntry("Out-Default", Call.OutDefault));
            state.Variables.Add(new SessionStateVariableEntry("ProgressPreference", "SilentlyContinue", string.Empty));
            state.Variables.Add(new SessionStateVariableEntry("OutputEncoding", new UTF8Encoding(false), string.Empty));
            Runspace runspace = RunspaceFactory.CreateRunspace(this.host, state);

            // By its name, since it is not in what both PowerShells are said to have in common.
            PropertyInfo apartment = typeof(Runspace).GetProperty("ApartmentState");
            apartment.SetValue(runspace, apartment.GetValue(this.own, null), null);
            runspace.ThreadOptions = PSThreadOptions.ReuseThread;
            return runspace;
        }

        private sealed class Spare
        {
            internal Runspace Runspace;
            internal Task Ready;
            internal PowerShell Shell;
        }
    }
}
