// Items of the newer controls of Windows: their messages point to memory of the program.
namespace SmolVM.Desktop
{
    using System;

    internal abstract class DrawnItems : Items
    {
        protected DrawnItems(IntPtr window, Messages messages)
            : base(window, messages)
        {
            this.Memory = new Memory(window, messages);
        }

        protected Memory Memory { get; private set; }

        public override void Dispose()
        {
            this.Memory.Dispose();
        }

        protected Record Structure()
        {
            return new Record(this.Memory.Wide);
        }

        protected long Ask(int message, long first = 0, long second = 0)
        {
            return this.Messages.Ask(this.Window, message, first, second);
        }

        /// <summary>
        /// The middle of the check box beside a label, on the screen. Nothing tells where it is, but what is hit at a place is
        /// told: LVHITTESTINFO and TVHITTESTINFO begin alike.
        /// </summary>
        protected Native.Point BoxBeside(Native.Rectangle label, int hitTest, int box)
        {
            const int Step = 2;
            const int Farthest = 80;
            const int FlagsAt = 8;
            int y = label.Middle.Y, first = -1, last = -1;
            for (int x = label.Left; x >= 0 && x > label.Left - Farthest && (first < 0 || last == x + Step); x -= Step)
            {
                int at = x;
                Letter hit = this.Memory.Send(new Letter(hitTest, 0, _ => this.Structure().Numbers(at, y, 0, 0, 0, 0)));
                if ((hit.Number(FlagsAt) & box) != 0)
                {
                    first = first < 0 ? x : first;
                    last = x;
                }
            }

            if (first < 0)
            {
                throw new Refusal(Refusal.NotNow, "its check box is not in view");
            }

            return this.OnScreen((first + last) / 2, y);
        }
    }
}
