using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// Turns objects into what JSON knows: null, bool, text, numbers (already as text in <see cref="JsonLiteral"/>), lists and
/// ordered maps. As in 5.1 an enumeration is its number, a date <c>\/Date(ms)\/</c>, and what lies deeper than the
/// depth its text.
/// </summary>
internal sealed class JsonTree(int maxDepth)
{
    public object? Of(object? value) => Of(value, 0);

    private object? Of(object? value, int depth)
    {
        var wrapped = value as PSObject;
        var bare = wrapped is null ? value : wrapped.BaseObject;
        if (bare is null || bare is DBNull || ReferenceEquals(wrapped, System.Management.Automation.Internal.AutomationNull.Value))
        {
            return null;
        }

        if (Scalar(bare) is { } scalar)
        {
            return WithNotes(scalar, wrapped, depth);
        }

        if (depth > maxDepth)
        {
            return LanguagePrimitives.ConvertTo<string>(value);
        }

        return bare switch
        {
            IDictionary map => Map(map, depth),
            IEnumerable list => WithNotes(list.Cast<object?>().Select(item => Of(item, depth + 1)).ToList(), wrapped, depth),
            _ => Properties(PSObject.AsPSObject(value!), depth),
        };
    }

    private static object? Scalar(object value) => value switch
    {
        string or bool => value,
        char c => c.ToString(),
        Enum e => Number(Convert.ChangeType(e, Enum.GetUnderlyingType(e.GetType()), CultureInfo.InvariantCulture)),
        double d => new JsonLiteral(d.ToString("R", CultureInfo.InvariantCulture)),
        float f => new JsonLiteral(f.ToString("R", CultureInfo.InvariantCulture)),
        sbyte or byte or short or ushort or int or uint or long or ulong or decimal => Number(value),
        System.Numerics.BigInteger or nint or nuint => Number(value),
        DateTime date => new JsonLiteral($"\"\\/Date({Milliseconds(date)})\\/\""),
        DateTimeOffset date => new JsonLiteral($"\"\\/Date({Milliseconds(date.UtcDateTime)})\\/\""),
        Guid or Uri or Type => value.ToString(),
        _ => null,
    };

    private static JsonLiteral Number(object value) => new(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));

    private static long Milliseconds(DateTime date) => (date.ToUniversalTime().Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    /// <summary>5.1 shows a value that carries note properties, such as a line of Get-Content, as an object with a "value".</summary>
    private object? WithNotes(object? plain, PSObject? wrapped, int depth)
    {
        if (wrapped is null || depth >= maxDepth + 1)
        {
            return plain;
        }

        var notes = wrapped.Properties
            .Where(property => property.IsInstance && property.MemberType is PSMemberTypes.NoteProperty)
            .ToList();
        if (notes.Count == 0)
        {
            return plain;
        }

        var map = new JsonMap { ["value"] = plain };
        foreach (var note in notes)
        {
            map[note.Name] = Of(note.Value, depth + 1);
        }

        return map;
    }

    private JsonMap Map(IDictionary map, int depth)
    {
        var result = new JsonMap();
        foreach (DictionaryEntry entry in map)
        {
            if (entry.Key is not string key)
            {
                throw new InvalidOperationException(
                    $"The type '{map.GetType()}' is not supported for serialization or deserialization of a dictionary. Keys must be strings.");
            }

            result[key] = Of(entry.Value, depth + 1);
        }

        return result;
    }

    private JsonMap Properties(PSObject item, int depth)
    {
        var result = new JsonMap();
        foreach (var property in item.Properties)
        {
            if (Hides(property))
            {
                continue;
            }

            result[property.Name] = Of(Value(property), depth + 1);
        }

        return result;
    }

    // Script and code properties of the type table are not data; those that a script adds to an object are notes.
    private static bool Hides(PSPropertyInfo property) =>
        !property.IsGettable || property.MemberType is PSMemberTypes.AliasProperty or PSMemberTypes.ScriptProperty or PSMemberTypes.CodeProperty;

    private static object? Value(PSPropertyInfo property)
    {
        try
        {
            return property.Value;
        }
        catch (GetValueException)
        {
            return null; // a property that cannot be read now, as on Windows
        }
    }
}

/// <summary>Text that goes into the document as it is.</summary>
internal sealed record JsonLiteral(string Text);

/// <summary>A JSON object whose members keep their order.</summary>
internal sealed class JsonMap
{
    private readonly List<KeyValuePair<string, object?>> _members = [];

    public IReadOnlyList<KeyValuePair<string, object?>> Members => _members;

    public object? this[string name]
    {
        set
        {
            _members.RemoveAll(member => member.Key == name);
            _members.Add(new(name, value));
        }
    }
}
