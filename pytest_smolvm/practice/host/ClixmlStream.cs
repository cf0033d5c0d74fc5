using System;
using System.IO;
using System.Reflection;
using System.Xml;

namespace PracticeGuest;

/// <summary>One <c>#&lt; CLIXML</c> document on a standard stream; it begins with the first object and ends with <see cref="Dispose"/>.</summary>
internal sealed class ClixmlStream(Func<TextWriter> target) : IDisposable
{
    // The engine keeps the class that numbers references and names streams to itself; the public PSSerializer writes one
    // document per object, and names no stream.
    private static readonly Type Engine = typeof(System.Management.Automation.PSSerializer).Assembly
        .GetType("System.Management.Automation.Serializer", throwOnError: true)!;

    private static readonly MethodInfo EngineSerialize = Engine.GetMethod(
        "Serialize", BindingFlags.Instance | BindingFlags.NonPublic, [typeof(object), typeof(string)])!;

    private static readonly MethodInfo EngineDone = Engine.GetMethod("Done", BindingFlags.Instance | BindingFlags.NonPublic, [])!;

    private readonly object _gate = new();
    private XmlWriter? _xml;
    private object? _serializer;

    public void Write(object value, string stream)
    {
        lock (_gate)
        {
            Begin();
            EngineSerialize.Invoke(_serializer, [value, stream]);
            _xml!.Flush();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_serializer is not null)
            {
                EngineDone.Invoke(_serializer, null);
                _xml!.Flush();
                _serializer = null;
            }
        }
    }

    private void Begin()
    {
        if (_serializer is not null)
        {
            return;
        }

        var writer = target();
        writer.WriteLine("#< CLIXML");
        _xml = XmlWriter.Create(writer, new XmlWriterSettings { CheckCharacters = false, OmitXmlDeclaration = true });
        _serializer = Activator.CreateInstance(Engine, BindingFlags.Instance | BindingFlags.NonPublic, null, [_xml], null);
    }
}
