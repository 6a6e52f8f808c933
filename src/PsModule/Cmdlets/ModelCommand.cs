using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// A cmdlet that works with one model: the one given, one at a path, or the session's default. The text or other data is
/// at position 0 and the model at position 1; in parameter sets without data by position the model is at position 0,
/// which lets <c>$text | Get-GptLoss $model</c> do without a name.
/// </summary>
public abstract class ModelCommand : GptCommand
{
    /// <summary>
    /// The model: an object of <c>Import-GptModel</c> and the like, or the path of a model's file or folder, which is
    /// loaded once per session. By default the one of <c>Set-GptModel</c>.
    /// </summary>
    public abstract LanguageModel Model { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => Model = Require(Model);

    /// <summary>Returns the tokenizer of the model that was given or is the default, or else GPT-2's.</summary>
    private protected ITextTokenizer FindTokenizer() => FindModel(Model)?.Tokenizer ?? Gpt2Tokenizer.Instance;
}
