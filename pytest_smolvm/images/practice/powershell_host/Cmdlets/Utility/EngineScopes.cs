using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Reflection;
using System.Runtime.ExceptionServices;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// Variables and aliases by scope. The public session state knows the current scope only; <c>-Scope 1</c> and
/// <c>-Scope Global</c> need the engine's own tables.
/// </summary>
internal sealed class EngineScopes(SessionState state)
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;

    private readonly object _engine = typeof(SessionState).GetProperty("Internal", Hidden)!.GetValue(state)!;

    public IEnumerable<PSVariable> Variables(string? scope) => scope is null
        ? ((IDictionary<string, PSVariable>)Call("GetVariableTable")!).Values
        : ((IDictionary<string, PSVariable>)Call("GetVariableTableAtScope", scope)!).Values;

    public PSVariable? Variable(string name, string scope) => (PSVariable?)Call("GetVariableAtScope", name, scope);

    public void SetVariable(PSVariable variable, string scope, bool force) =>
        Call("SetVariableAtScope", variable, scope, force, CommandOrigin.Internal);

    public void RemoveVariable(PSVariable variable, string scope, bool force) => Call("RemoveVariableAtScope", variable, scope, force);

    public IEnumerable<AliasInfo> Aliases(string? scope) => scope is null
        ? ((IDictionary<string, AliasInfo>)Call("GetAliasTable")!).Values
        : ((IDictionary<string, AliasInfo>)Call("GetAliasTableAtScope", scope)!).Values;

    public AliasInfo SetAlias(AliasInfo alias, string scope, bool force) =>
        (AliasInfo)Call("SetAliasItemAtScope", alias, scope, force, CommandOrigin.Internal)!;

    /// <summary>An alias as the engine makes them; its constructor is not public.</summary>
    public static AliasInfo NewAlias(string name, string definition, object context, ScopedItemOptions options) =>
        (AliasInfo)Activator.CreateInstance(typeof(AliasInfo), Hidden, null, [name, definition, context, options], null)!;

    /// <summary>The execution context that a new alias belongs to.</summary>
    public object Context => _engine.GetType().GetProperty("ExecutionContext", Hidden)!.GetValue(_engine)!;

    private object? Call(string method, params object[] arguments)
    {
        var types = Array.ConvertAll(arguments, argument => argument.GetType());
        try
        {
            return _engine.GetType().GetMethod(method, Hidden, types)!.Invoke(_engine, arguments);
        }
        catch (TargetInvocationException wrapped)
        {
            ExceptionDispatchInfo.Throw(wrapped.InnerException!);
            throw;
        }
    }
}
