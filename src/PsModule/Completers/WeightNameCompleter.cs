using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Completers;

/// <summary>
/// Completes names of weights: those of the model on the same command line, if it is loaded, and otherwise those of GPT-2.
/// </summary>
public sealed class WeightNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        object? given = fakeBoundParameters["Model"] is PSObject wrapped ? wrapped.BaseObject : fakeBoundParameters["Model"];
        var config = given is LanguageModel { IsLoaded: true } model ? model.Config : GptPresets.Named("gpt2");
        string start = wordToComplete.Trim('\'', '"');
        return WeightNames.For(config).Select(entry => entry.Name)
            .Where(name => name.StartsWith(start, StringComparison.OrdinalIgnoreCase))
            .Select(name => new CompletionResult(name));
    }
}
