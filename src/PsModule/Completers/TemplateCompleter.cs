using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MLNet.Gpt;

namespace MLNetGpt.Completers;

/// <summary>Completes the names of prompt templates.</summary>
public sealed class TemplateCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        PromptTemplate.Names
            .Where(name => name.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase))
            .Select(name => new CompletionResult(name));
}
