using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How continuations are encoded and scored. The defaults are those of lm-evaluation-harness.</summary>
public sealed record ContinuationOptions
{
    /// <summary>How special tokens spelled out in the text are read.</summary>
    /// <value><see cref="SpecialTokens.Recognized"/>.</value>
    public SpecialTokens SpecialTokens { get; init => field = Check.Defined(value, nameof(SpecialTokens)); } = SpecialTokens.Recognized;

    /// <summary>
    /// Whether a context begins with the token that begins a text, unless it spells it out. An empty context always consists of that
    /// token.
    /// </summary>
    /// <value><see langword="null"/>: as the tokenizer says (<see cref="ITextTokenizer.AddsBeginningOfText"/>).</value>
    public bool? AddBeginningOfText { get; init; }

    /// <summary>
    /// The number of tokens that the model sees at most; from 1 to its context length. Of a longer pair, the last ones are used.
    /// </summary>
    /// <value><see langword="null"/>: the model's context length.</value>
    public int? WindowLength { get; init => field = Check.AtLeast(value, 1, nameof(WindowLength)); }

    /// <summary>
    /// The number of tokens that a <see cref="TaskEvaluator"/> gives to the model in one call: as many questions as fit, at least one. At
    /// least 1. Affects the speed, but no figures.
    /// </summary>
    /// <value>2,048.</value>
    public int BatchTokenCount { get; init => field = Check.AtLeast(value, 1, nameof(BatchTokenCount)); } = 2048;

    internal int WindowLengthFor(GptConfig config) => WindowLength ?? config.ContextLength;

    /// <summary>Returns these options if a model can be measured with them.</summary>
    /// <exception cref="ArgumentException">
    /// The window is longer than the model's context, or the vocabulary has no token that begins a text.
    /// </exception>
    internal ContinuationOptions ValidatedFor(GptModel model)
    {
        if (WindowLengthFor(model.Config) > model.Config.ContextLength)
        {
            throw new ArgumentException(
                $"{nameof(WindowLength)} is {WindowLength}; the model's context length is {model.Config.ContextLength}.");
        }

        return AddBeginningOfText == true && model.Tokenizer.BeginningOfTextId is null
            ? throw new ArgumentException(
                $"{nameof(AddBeginningOfText)} is set, but the model's vocabulary has no token that begins a text.")
            : this;
    }

    /// <summary>Returns what figures depend on, as text; it is stored in result files.</summary>
    internal string Describe(GptModel model) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"window={WindowLengthFor(model.Config)};begin={AddBeginningOfText ?? model.Tokenizer.AddsBeginningOfText};"
        + $"special={SpecialTokens}");
}
