using System;
using System.IO;

namespace PracticeGuest;

/// <summary>One <c>#&lt; CLIXML</c> document on a standard stream; it begins with the first object and ends with <see cref="Dispose"/>.</summary>
internal sealed class ClixmlStream(Func<TextWriter> target) : IDisposable
{
    // What the engine's serializer takes when it is not told: properties of properties are text.
    private const int Depth = 1;

    private readonly object _gate = new();
    private ClixmlDocument? _document;

    public void Write(object value, string stream)
    {
        lock (_gate)
        {
            (_document ??= Begin()).Write(value, stream);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _document?.Dispose();
            _document = null;
        }
    }

    private ClixmlDocument Begin()
    {
        var writer = target();
        writer.WriteLine("#< CLIXML");
        return new ClixmlDocument(writer, Depth, indent: false);
    }
}
