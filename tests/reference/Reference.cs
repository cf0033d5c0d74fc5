// Usage: reference DIRECTORY-OF-PACKAGES FILE...
// Prints, as JSON, what in PowerShell scripts Windows PowerShell 5.1 would not understand, and which commands they call.
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;
using System.Text.Json;

var packages = args[0];
var frameworks = new[] { ("4.5", "net45/1.0.2", "v4.5"), ("4.8", "net48/1.0.3", "v4.8") }
    .Select(one => new Framework(
        one.Item1,
        Path.Combine(packages, "microsoft.netframework.referenceassemblies." + one.Item2, "build/.NETFramework", one.Item3),
        Path.Combine(packages, "powershellstandard.library/5.1.1/lib/net452")))
    .ToList();
var faults = new List<string>();
var commands = new SortedDictionary<string, SortedSet<string>>(StringComparer.OrdinalIgnoreCase);
foreach (var file in args[1..])
{
    var tree = Parser.ParseFile(file, out _, out var errors);
    faults.AddRange(errors.Select(error => $"{Path.GetFileName(file)}:{error.Extent.StartLineNumber}: {error.Message}"));
    foreach (var node in tree.FindAll(_ => true, searchNestedScriptBlocks: true))
    {
        faults.AddRange(Newer(node).Concat(frameworks.SelectMany(one => one.Missing(node)))
            .Select(fault => $"{Path.GetFileName(file)}:{node.Extent.StartLineNumber}: {fault}"));
        if (node is CommandAst command && command.GetCommandName() is { } name)
        {
            commands.TryAdd(name, new SortedSet<string>(StringComparer.OrdinalIgnoreCase));
            commands[name].UnionWith(command.CommandElements.OfType<CommandParameterAst>().Select(one => one.ParameterName));
        }
    }

    foreach (var function in tree.FindAll(node => node is FunctionDefinitionAst, true).Cast<FunctionDefinitionAst>())
    {
        commands.TryAdd(function.Name, []);
        commands[function.Name].Add("(ours)");
    }
}

Console.WriteLine(JsonSerializer.Serialize(new { faults, commands }));

// What PowerShell has learnt since 5.1.
static IEnumerable<string> Newer(Ast node)
{
    var found = node switch
    {
        TernaryExpressionAst => "? :",
        PipelineChainAst => "&& or ||",
        PipelineAst { Background: true } => "& at the end",
        MemberExpressionAst { NullConditional: true } or IndexExpressionAst { NullConditional: true } => "?. or ?[",
        BinaryExpressionAst { Operator: TokenKind.QuestionQuestion } => "??",
        AssignmentStatementAst { Operator: TokenKind.QuestionQuestionEquals } => "??=",
        ScriptBlockAst { CleanBlock: not null } => "clean { }",
        _ => null,
    };
    return found is null ? [] : [$"5.1 does not know {found}"];
}

internal sealed class Framework(string version, string framework, string powershell)
{
    private static readonly IReadOnlyDictionary<string, Type> Accelerators = (IReadOnlyDictionary<string, Type>)typeof(PSObject).Assembly
        .GetType("System.Management.Automation.TypeAccelerators")!.GetProperty("Get")!.GetValue(null)!;

    private readonly Dictionary<string, Type> types = Load(
        new[] { framework, powershell }.SelectMany(place => Directory.GetFiles(place, "*.dll")).Where(Described).ToList());

    public IEnumerable<string> Missing(Ast node)
    {
        var name = node switch
        {
            TypeExpressionAst expression => expression.TypeName,
            TypeConstraintAst constraint => constraint.TypeName,
            ConvertExpressionAst conversion => conversion.Type.TypeName,
            _ => null,
        };
        foreach (var part in name is null ? [] : Parts(name).Where(part => Find(part) is null))
        {
            yield return $".NET Framework {version} has no type {part}";
        }

        if (node is MemberExpressionAst { Static: true, Expression: TypeExpressionAst target, Member: StringConstantExpressionAst member } access
            && target.TypeName is not ArrayTypeName // its constructor takes its length
            && Find(Parts(target.TypeName).First()) is { } type && !Has(type, member.Value, (access as InvokeMemberExpressionAst)?.Arguments?.Count ?? 0, access))
        {
            yield return $".NET Framework {version} has no such {access.Extent.Text.Split('\n')[0]}";
        }
    }

    private static bool Has(Type type, string name, int count, MemberExpressionAst access)
    {
        const BindingFlags Public = BindingFlags.Public | BindingFlags.Static | BindingFlags.IgnoreCase | BindingFlags.FlattenHierarchy;
        if (access is not InvokeMemberExpressionAst)
        {
            return type.GetMember(name, MemberTypes.Property | MemberTypes.Field, Public).Length > 0;
        }

        var ways = name == "new" ? type.GetConstructors().Cast<MethodBase>() : type.GetMember(name, MemberTypes.Method, Public).Cast<MethodBase>();
        return (name == "new" && type.IsValueType && count == 0) || ways.Any(way => Takes(way.GetParameters(), count));
    }

    private static bool Takes(ParameterInfo[] parameters, int count) =>
        count == parameters.Length
        || (count < parameters.Length && parameters[count..].All(one => one.IsOptional))
        || (parameters is [.., var last] && last.GetCustomAttributesData().Any(one => one.AttributeType.Name == "ParamArrayAttribute") && count >= parameters.Length - 1);

    // A type's name, and those of what it is made of.
    private static IEnumerable<string> Parts(ITypeName name) => name switch
    {
        ArrayTypeName array => Parts(array.ElementType),
        GenericTypeName generic => Parts(generic.TypeName).Select(part => $"{part}`{generic.GenericArguments.Count}").Concat(generic.GenericArguments.SelectMany(Parts)),
        _ => [name.FullName],
    };

    // Parts of an assembly that consists of several files cannot be loaded by themselves.
    private static bool Described(string file) => !Path.GetFileName(file).StartsWith("System.EnterpriseServices.", StringComparison.Ordinal);

    private static Dictionary<string, Type> Load(List<string> files)
    {
        var context = new MetadataLoadContext(new PathAssemblyResolver(files.DistinctBy(Path.GetFileName)), "mscorlib");
        return files.SelectMany(file => context.LoadFromAssemblyPath(file).GetExportedTypes())
            .DistinctBy(type => type.FullName, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(type => type.FullName!, StringComparer.OrdinalIgnoreCase);
    }

    private Type? Find(string name)
    {
        var full = Accelerators.TryGetValue(name, out var accelerated) ? accelerated.FullName! : name;
        return types.GetValueOrDefault(full) ?? types.GetValueOrDefault("System." + full);
    }
}
