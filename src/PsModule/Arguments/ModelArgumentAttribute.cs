using System.Collections;
using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts a model, or the path of a model's file or folder as a string or file system object. What the path leads to is
/// loaded when the cmdlet begins.
/// </summary>
/// <param name="parameter">The parameter, in a cmdlet that takes several models.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ModelArgumentAttribute(string? parameter = null) : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        LiveModelAttribute.Check(inputData);
        object? value = inputData is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : inputData;
        return value switch
        {
            null or LanguageModel => value,
            FileSystemInfo file => AtPath(file.FullName),
            string path => AtPath(Resolve(engineIntrinsics, path)),
            IList { Count: 1 } list => Transform(engineIntrinsics, list[0]),
            IList list => throw Refused(FormattableString.Invariant(
                $"This is a list of {list.Count} items; {Name} takes one model, or the path of its file or folder.")),
            _ => throw Refused($"A {value.GetType()} is not a model. {Name} takes a model, or the path of its file or folder."),
        };
    }

    private string Name => $"-{parameter ?? "Model"}";

    private LanguageModel AtPath(string path) => Path.Exists(path)
        ? LanguageModel.AtPath(path)
        : throw Refused(
            $"'{path}' does not exist. {Name} takes a model, or the path of its file or folder"
            + (parameter is null ? ", and comes after the text." : "."));

    private static string Resolve(EngineIntrinsics engine, string path)
    {
        try
        {
            return engine.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
        }
        catch (Exception unresolved) when (unresolved is SessionStateException or NotSupportedException)
        {
            throw Refused($"'{path}' is not a model's file or folder: {unresolved.Message}");
        }
    }

    private static ArgumentTransformationMetadataException Refused(string message) => new(message);
}
