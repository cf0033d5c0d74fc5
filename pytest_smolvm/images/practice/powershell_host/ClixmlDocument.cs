using System;
using System.IO;
using System.Management.Automation;
using System.Reflection;
using System.Xml;

namespace PracticeGuest;

/// <summary>
/// One CLIXML document, written object by object. The engine keeps the class that numbers references and names streams
/// to itself; the public PSSerializer writes one document per object, and names no stream.
/// </summary>
internal sealed class ClixmlDocument : IDisposable
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly Type Engine =
        typeof(PSSerializer).Assembly.GetType("System.Management.Automation.Serializer", throwOnError: true)!;

    private static readonly MethodInfo EngineSerialize = Engine.GetMethod("Serialize", Hidden, [typeof(object), typeof(string)])!;

    private static readonly MethodInfo EngineDone = Engine.GetMethod("Done", Hidden, [])!;

    private readonly XmlWriter _xml;
    private readonly object _serializer;

    /// <summary>Begins a document of objects that are <paramref name="depth"/> deep.</summary>
    public ClixmlDocument(TextWriter target, int depth, bool indent)
    {
        _xml = XmlWriter.Create(target, new XmlWriterSettings { CheckCharacters = false, OmitXmlDeclaration = true, Indent = indent });
        _serializer = Activator.CreateInstance(Engine, Hidden, null, [_xml, depth, true], null)!;
    }

    /// <summary>Writes one object, marked with the stream it belongs to if that is not null.</summary>
    public void Write(object? value, string? stream)
    {
        EngineSerialize.Invoke(_serializer, [value, stream]);
        _xml.Flush();
    }

    /// <summary>Ends the document; the target stays open.</summary>
    public void Dispose()
    {
        EngineDone.Invoke(_serializer, null);
        _xml.Flush();
    }
}
