using System;
using System.Collections;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>New-Object: a .NET object, or a COM object where the guest has its class.</summary>
[Cmdlet(VerbsCommon.New, "Object", DefaultParameterSetName = "Net")]
public sealed class NewObjectCommand : PSCmdlet
{
    // The language's own constructor call picks the overload and converts the arguments.
    private static readonly ScriptBlock Construct = ScriptBlock.Create("param($type, $arguments) , $type::new.Invoke($arguments)");

    private static readonly ScriptBlock Assign = ScriptBlock.Create("param($object, $name, $value) $object.$name = $value");

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Net")]
    public string TypeName { get; set; } = "";

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Com")]
    public string ComObject { get; set; } = "";

    [Parameter(Position = 1, ParameterSetName = "Net")]
    [Alias("Args")]
    public object[]? ArgumentList { get; set; }

    [Parameter]
    public IDictionary? Property { get; set; }

    [Parameter(ParameterSetName = "Com")]
    public SwitchParameter Strict { get; set; }

    protected override void BeginProcessing()
    {
        var made = ParameterSetName == "Com" ? NewComObject() : NewNetObject();
        foreach (DictionaryEntry property in Property ?? new Hashtable())
        {
            SetProperty(made, property.Key.ToString()!, property.Value);
        }

        WriteObject(made);
    }

    private object NewNetObject()
    {
        if (!LanguagePrimitives.TryConvertTo<Type>(TypeName, out var type))
        {
            Refuse(
                new TypeLoadException($"Cannot find type [{TypeName}]: verify that the assembly containing this type is loaded."),
                "TypeNotFound",
                ErrorCategory.InvalidType);
        }

        try
        {
            // Value types have a value without any constructor.
            return type!.IsValueType && ArgumentList is null or { Length: 0 }
                ? Activator.CreateInstance(type)!
                : Construct.Invoke(type, ArgumentList ?? [])[0];
        }
        catch (MethodInvocationException error)
        {
            ThrowTerminatingError(new ErrorRecord(error, "ConstructorInvokedThrowException", ErrorCategory.InvalidOperation, null));
            throw;
        }
        catch (MethodException)
        {
            var message = $"A constructor was not found. Cannot find an appropriate constructor for type {TypeName}.";
            Refuse(new PSArgumentException(message), "CannotFindAppropriateCtor", ErrorCategory.ObjectNotFound);
            throw;
        }
    }

    private object NewComObject()
    {
        var type = Type.GetTypeFromProgID(ComObject);
        if (type is null)
        {
            Refuse(
                new System.Runtime.InteropServices.COMException(
                    "Retrieving the COM class factory for component with CLSID {00000000-0000-0000-0000-000000000000} failed due to the "
                    + "following error: 80040154 Class not registered (Exception from HRESULT: 0x80040154 (REGDB_E_CLASSNOTREG))."),
                "NoCOMClassIdentified",
                ErrorCategory.ResourceUnavailable);
        }

        return Activator.CreateInstance(type!)!;
    }

    private void SetProperty(object made, string name, object? value)
    {
        var item = PSObject.AsPSObject(made);
        if (item.Properties[name] is not null)
        {
            Assign.Invoke(made, name, value);
        }
        else if (made is PSObject)
        {
            item.Properties.Add(new PSNoteProperty(name, value));
        }
        else
        {
            var missing = new InvalidOperationException(
                $"The member \"{name}\" was not found for the specified {(ParameterSetName == "Com" ? "COM" : ".NET")} object.");
            WriteError(new ErrorRecord(missing, "InvalidOperationException", ErrorCategory.InvalidOperation, null));
        }
    }

    private void Refuse(Exception error, string id, ErrorCategory category) =>
        ThrowTerminatingError(new ErrorRecord(error, id, category, null));
}
