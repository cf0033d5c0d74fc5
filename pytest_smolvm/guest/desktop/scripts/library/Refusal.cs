// Why something was not done.
namespace SmolVM.Desktop
{
    using System;

    internal sealed class Refusal : Exception
    {
        /// <summary>There is no desktop that can be reached.</summary>
        internal const string NoDesktop = "no desktop";

        /// <summary>The window is not there any more.</summary>
        internal const string Gone = "gone";

        /// <summary>It cannot be done to the control as it is now; nothing was done.</summary>
        internal const string NotNow = "not now";

        /// <summary>It cannot be done to this control at all; nothing was done.</summary>
        internal const string Never = "never";

        /// <summary>The program did not answer in time; it may have been done in part.</summary>
        internal const string Silent = "silent";

        private readonly string kind;
        private readonly string about;

        /// <param name="about">What the host tells it by from others of its kind.</param>
        internal Refusal(string kind, string reason, string about = "")
            : base(reason)
        {
            this.kind = kind;
            this.about = about;
        }

        internal string Kind
        {
            get { return this.kind; }
        }

        internal string Json
        {
            get { return new Json().Add("refused", this.kind).Add("reason", this.Message).Add("about", this.about).ToString(); }
        }
    }
}
