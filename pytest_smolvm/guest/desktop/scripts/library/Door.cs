// What the host asks of the desktop, and its answer: JSON, on one line, of ASCII.
namespace SmolVM.Desktop
{
    using System;
    using System.Linq;
    using System.Threading;

    public static class Door
    {
        private const int Grace = 500; // milliseconds for an answer that is on its way at the deadline

        /// <summary>
        /// Do one thing. On a thread of its own, since there are functions of Windows that a program that hangs never lets return.
        /// </summary>
        /// <param name="milliseconds">How long it may take.</param>
        /// <param name="words">What to do, and with what.</param>
        public static string Answer(int milliseconds, string[] words)
        {
            var deadline = new Deadline(milliseconds);
            string answer = null;
            Exception fault = null;
            var thread = new Thread(() =>
            {
                try
                {
                    answer = Done(words, deadline);
                }
                catch (Refusal refusal)
                {
                    answer = refusal.Json;
                }
                catch (Exception exc)
                {
                    fault = exc;
                }
            });
            thread.IsBackground = true;
            thread.Start();
            if (!thread.Join(deadline.Left + Grace))
            {
                return new Refusal(Refusal.Silent, "Windows did not answer in time").Json;
            }

            if (fault != null)
            {
                throw new InvalidOperationException(fault.ToString());
            }

            return answer;
        }

        private static string Done(string[] words, Deadline deadline)
        {
            if (words[0] == "where")
            {
                return Session.Look();
            }

            Seat.Check();
            IntPtr window = words.Length > 1 ? new IntPtr(long.Parse(words[1])) : IntPtr.Zero;
            if (words[0] == "look")
            {
                return new Eyes(deadline, words.Skip(2)).Look(window);
            }

            if (words[0] == "copy" || words[0] == "paste")
            {
                return Clipboard.Answer(words, deadline);
            }

            if (words[0] == "rehearse")
            {
                return Rehearsal.Hold(window, new IntPtr(long.Parse(words[2])), deadline);
            }

            if (words[0] == "stage" || words[0] == "strike")
            {
                return words[0] == "stage" ? Stage.Set(deadline) : Stage.Strike(deadline);
            }

            Integrity.Check(window);
            var place = new Native.Rectangle();
            place.Left = int.Parse(words[2]);
            place.Top = int.Parse(words[3]);
            place.Right = place.Left + int.Parse(words[4]);
            place.Bottom = place.Top + int.Parse(words[5]);
            if (words[0] == "element")
            {
                return new ElementHands(window, deadline).Do(words[6], place, words.Skip(7).ToArray());
            }

            if (words[0] == "item")
            {
                using (var items = new ItemHands(window, deadline))
                {
                    items.Do(long.Parse(words[6]), words[7], place, words.Skip(8).ToArray());
                    return By(words[8]);
                }
            }

            if (words[0] == "bar")
            {
                return Eyes.Placed(new Json(), MenuBar.Of(window)).ToString();
            }

            var hands = new Hands(window, deadline);
            if (words[0] == "cancel")
            {
                hands.Cancel(); // wherever it is, and whatever blocks it
                return By(words[0]);
            }

            Native.Rectangle seen = place;
            if (words[0] == "spot" || words[0] == "drag" || words[0] == "front")
            {
                Native.GetWindowRect(window, out place); // what was seen is a part of it
            }

            hands.Check(place, words[0] == "close");
            switch (words[0])
            {
                case "click":
                    hands.Click(place.Middle, place.Middle.X - place.Left, words[6], int.Parse(words[7]));
                    break;
                case "spot":
                    hands.Click(Point(words, 6), 0, words[8], int.Parse(words[9]));
                    break;
                case "drag":
                    hands.Drag(Point(words, 6), Point(words, 9), new Hands(new IntPtr(long.Parse(words[8])), deadline));
                    break;
                case "front":
                    hands.ToFront();
                    Input.Leave(seen);
                    break;
                case "focus":
                    hands.Focus();
                    break;
                case "type":
                    hands.Type(words[6]);
                    break;
                case "press":
                    hands.Press(Array.ConvertAll(words[6].Split(' '), ushort.Parse));
                    break;
                case "fill":
                    hands.Fill(words[6]);
                    break;
                case "select":
                    hands.Select(words[6]);
                    break;
                case "close":
                    hands.Close();
                    break;
                default:
                    throw new ArgumentException(words[0]);
            }

            return By(words[0]);
        }

        /// <summary>That it was done, and by what.</summary>
        private static string By(string what)
        {
            var answer = new Json();
            switch (what)
            {
                case "front":
                    break;
                case "click":
                case "spot":
                case "drag":
                case "toggle":
                case "type":
                case "press":
                    answer.Add("by", "input");
                    break;
                default:
                    answer.Add("by", what == "focus" ? "SetFocus" : "message");
                    break;
            }

            return answer.ToString();
        }

        private static Native.Point Point(string[] words, int at)
        {
            var point = new Native.Point();
            point.X = int.Parse(words[at]);
            point.Y = int.Parse(words[at + 1]);
            return point;
        }
    }
}
