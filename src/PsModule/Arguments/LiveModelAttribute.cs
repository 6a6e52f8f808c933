using System.Collections;
using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Arguments;

/// <summary>
/// Refuses what a job or a file leaves of a model: its properties without its weights. PowerShell would take the name of
/// such an object for a path.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LiveModelAttribute : ArgumentTransformationAttribute
{
    private static readonly string Deserialized = $"Deserialized.{typeof(LanguageModel)}";

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        Check(inputData);
        if (inputData is IList list) foreach (object? item in list) Check(item);
        return inputData;
    }

    /// <summary>Throws if an argument is such an object.</summary>
    internal static void Check(object? argument)
    {
        if (argument is not PSObject { TypeNames: [{ } type, ..] } || type != Deserialized) return;
        throw new ArgumentTransformationMetadataException(
            "This is a description of a model that was in another process. A model does not pass between processes; "
            + "give its path, or load it in this process with Import-GptModel.");
    }
}
