using System.Management.Automation;
using System.Management.Automation.Language;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts the context of a text. Of an object whose property <c>Context</c> is null, as of a loss that had none, there is no context,
/// where PowerShell would make it an empty one.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ContextArgumentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData) =>
        (inputData is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : inputData) switch
        {
            null => NullString.Value,
            string text => text,
            char letter => letter,
            var other => throw new ArgumentTransformationMetadataException($"The context is {other.GetType()}, which is not text."),
        };
}
