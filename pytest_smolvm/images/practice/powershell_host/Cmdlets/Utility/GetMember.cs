using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>One member, as Get-Member shows it.</summary>
public sealed class MemberDefinition(string typeName, string name, PSMemberTypes memberType, string definition)
{
    public string TypeName { get; } = typeName;

    public string Name { get; } = name;

    public PSMemberTypes MemberType { get; } = memberType;

    public string Definition { get; } = definition;

    public override string ToString() => Definition;
}

/// <summary>Get-Member: the members of each type that comes in, once per type.</summary>
[Cmdlet(VerbsCommon.Get, "Member")]
[OutputType(typeof(MemberDefinition))]
public sealed class GetMemberCommand : PSCmdlet
{
    private readonly HashSet<string> _shown = [];

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string[] Name { get; set; } = ["*"];

    [Parameter]
    [Alias("Type")]
    public PSMemberTypes MemberType { get; set; } = PSMemberTypes.All;

    [Parameter]
    public PSMemberViewTypes View { get; set; } = PSMemberViewTypes.Adapted | PSMemberViewTypes.Extended;

    [Parameter]
    public SwitchParameter Static { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null)
        {
            return;
        }

        var typeName = Static ? StaticType().FullName! : InputObject.TypeNames[0];
        if (!_shown.Add(typeName))
        {
            return;
        }

        var patterns = Name.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        var members = (Static ? StaticMembers(typeName) : InstanceMembers(typeName))
            .Where(member => (member.MemberType & MemberType) != 0 && patterns.Exists(pattern => pattern.IsMatch(member.Name)));
        foreach (var member in members.OrderBy(member => member.MemberType.ToString()).ThenBy(member => member.Name, StringComparer.OrdinalIgnoreCase))
        {
            WriteObject(member);
        }
    }

    protected override void EndProcessing()
    {
        if (_shown.Count == 0)
        {
            var nothing = new InvalidOperationException("You must specify an object for the Get-Member cmdlet.");
            WriteError(new ErrorRecord(nothing, "NoObjectInGetMember", ErrorCategory.CloseError, null));
        }
    }

    private IEnumerable<MemberDefinition> InstanceMembers(string typeName) => InputObject!.Members
        .Where(member => Force || !IsPlumbing(member))
        .Select(member => new MemberDefinition(typeName, member.Name, member.MemberType, member.ToString() ?? ""));

    private static bool IsPlumbing(PSMemberInfo member) =>
        member.MemberType is PSMemberTypes.MemberSet or PSMemberTypes.PropertySet && member.Name.StartsWith("ps", StringComparison.OrdinalIgnoreCase)
        || member is PSMethodInfo && (member.Name.StartsWith("get_", StringComparison.Ordinal) || member.Name.StartsWith("set_", StringComparison.Ordinal)
            || member.Name.StartsWith("add_", StringComparison.Ordinal) || member.Name.StartsWith("remove_", StringComparison.Ordinal));

    private Type StaticType() => InputObject!.BaseObject as Type ?? InputObject.BaseObject.GetType();

    private IEnumerable<MemberDefinition> StaticMembers(string typeName)
    {
        var type = StaticType();
        const System.Reflection.BindingFlags Flags = System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.FlattenHierarchy;
        foreach (var group in type.GetMethods(Flags).Where(method => !method.IsSpecialName).GroupBy(method => method.Name))
        {
            yield return new MemberDefinition(typeName, group.Key, PSMemberTypes.Method, string.Join(", ", group.Select(method => "static " + method)));
        }

        foreach (var property in type.GetProperties(Flags))
        {
            yield return new MemberDefinition(typeName, property.Name, PSMemberTypes.Property, "static " + property);
        }

        foreach (var field in type.GetFields(Flags))
        {
            yield return new MemberDefinition(typeName, field.Name, PSMemberTypes.Property, "static " + field);
        }
    }
}
