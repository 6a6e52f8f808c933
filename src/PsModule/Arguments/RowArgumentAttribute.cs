using System.Collections;
using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts rows of data: objects with properties, such as those of <c>Import-Csv</c> and <c>ConvertFrom-Json</c>, and hashtables.
/// Models, files and texts are left to other parameters.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RowArgumentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : inputData;
        if (value is IEnumerable and not (string or IDictionary))
        {
            foreach (object? item in (IEnumerable)value) Check(item);
        }
        else
        {
            Check(inputData);
        }

        return inputData;
    }

    // After an exception about a cast, PowerShell tries the next parameter that takes the pipeline's input.
    private static void Check(object? item)
    {
        object? value = item is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : item;
        if (value is not (LanguageModel or FileSystemInfo or string or ValueType) && !IsPath(item)) return;
        string message = $"A {value?.GetType()} is not a row; a row has its values in properties.";
        throw new ArgumentTransformationMetadataException(message, new PSInvalidCastException(message));
    }

    // What is nothing but a path, or what a job leaves of a file.
    private static bool IsPath(object? item) => item is PSObject { BaseObject: PSCustomObject } row
        && (row.TypeNames[0].StartsWith("Deserialized.System.IO.", StringComparison.Ordinal)
            || (row.Properties.Any() && row.Properties.All(
                property => TextArgumentAttribute.PathNames.Contains(property.Name, StringComparer.OrdinalIgnoreCase))));
}
