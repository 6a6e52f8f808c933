using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MLNetGpt.Completers;

/// <summary>Completes paths, and of files only those that can hold a model.</summary>
public sealed class ModelFileCompleter : IArgumentCompleter
{
    private static readonly string[] Extensions = [".safetensors"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        CompletionCompleters.CompleteFilename(wordToComplete).Where(result =>
            result.ResultType == CompletionResultType.ProviderContainer
            || Extensions.Contains(Path.GetExtension(result.ListItemText), StringComparer.OrdinalIgnoreCase));
}
