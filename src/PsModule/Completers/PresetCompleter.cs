using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;

namespace MLNetGpt.Completers;

/// <summary>Completes the names of presets, each with its sizes as the tool tip.</summary>
public sealed class PresetCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string prefix = wordToComplete.Trim('\'', '"');
        foreach (var (name, config) in GptPresets.All.OrderBy(preset => preset.Value.ParameterCount))
        {
            if (!name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) continue;
            string layers = Quantity.Of(config.LayerCount, "layer"), heads = Quantity.Of(config.HeadCount, "head");
            string sizes = FormattableString.Invariant(
                $"{config.Architecture}, {layers}, width {config.EmbeddingWidth}, {heads}, context {config.ContextLength}");
            yield return new CompletionResult(name, name, CompletionResultType.ParameterValue, sizes);
        }
    }
}
