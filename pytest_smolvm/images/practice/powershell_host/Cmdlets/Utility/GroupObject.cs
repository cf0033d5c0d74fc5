using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>One group without its elements.</summary>
public class GroupInfoNoElement
{
    internal GroupInfoNoElement(string name, IEnumerable<object?> values)
    {
        Name = name;
        Values = new ArrayList(values.ToArray());
    }

    public int Count { get; internal set; }

    public string Name { get; }

    public ArrayList Values { get; }
}

/// <summary>One group and its elements.</summary>
public sealed class GroupInfo : GroupInfoNoElement
{
    internal GroupInfo(string name, IEnumerable<object?> values)
        : base(name, values)
    {
    }

    public Collection<PSObject> Group { get; } = [];
}

/// <summary>Group-Object: one object per distinct value, in the order in which values first appear.</summary>
[Cmdlet(VerbsData.Group, "Object", DefaultParameterSetName = "HashTable")]
public sealed class GroupObjectCommand : ObjectComparisonCommand
{
    [Parameter]
    public SwitchParameter NoElement { get; set; }

    [Parameter(ParameterSetName = "HashTable")]
    [Alias("AHT")]
    public SwitchParameter AsHashTable { get; set; }

    [Parameter(ParameterSetName = "HashTable")]
    public SwitchParameter AsString { get; set; }

    protected override void EndProcessing()
    {
        var groups = Groups();
        if (AsHashTable)
        {
            var table = new Hashtable(CaseSensitive ? System.StringComparer.CurrentCulture : System.StringComparer.CurrentCultureIgnoreCase);
            foreach (var group in groups)
            {
                table.Add(AsString ? group.Name : Key(group), ((GroupInfo)group).Group);
            }

            WriteObject(table);
            return;
        }

        WriteObject(groups, enumerateCollection: true);
    }

    private static object Key(GroupInfoNoElement group)
    {
        var value = group.Values[0];
        return (value is PSObject wrapped ? wrapped.BaseObject : value) ?? "";
    }

    private List<GroupInfoNoElement> Groups()
    {
        var terms = Terms;
        var comparer = Comparer;
        var groups = new List<GroupInfoNoElement>();
        foreach (var item in Items)
        {
            var key = Key(terms, item);
            var group = groups.Find(known => Same(known.Values, key, comparer));
            if (group is null)
            {
                var name = string.Join(", ", key.Select(value => value is null ? "" : LanguagePrimitives.ConvertTo<string>(value)));
                group = NoElement && !AsHashTable ? new GroupInfoNoElement(name, key) : new GroupInfo(name, key);
                groups.Add(group);
            }

            group.Count++;
            (group as GroupInfo)?.Group.Add(item);
        }

        return groups;
    }

    private static bool Same(ArrayList values, object?[] key, ValueComparer comparer)
    {
        for (var i = 0; i < key.Length; i++)
        {
            if (comparer.Compare(values[i], key[i]) != 0)
            {
                return false;
            }
        }

        return true;
    }
}
