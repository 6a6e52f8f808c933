using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How a text is measured. At any setting every target is scored exactly once.</summary>
/// <remarks>
/// <para>
/// A text is read in windows of <see cref="WindowLength"/> tokens, each <see cref="Stride"/> tokens after the last. The
/// first window scores all of its targets; every other scores those that no earlier window did, so that each has at
/// least window length − stride tokens before it.
/// </para>
/// <para>
/// The first token has nothing before it. By default it is not predicted: it is no target, and its bytes, its
/// characters and the words that end with it are left out of what the loss is divided by. With
/// <see cref="PrependEndOfText"/> it is a target like the others.
/// </para>
/// </remarks>
public sealed record ScoringOptions
{
    /// <summary>The lecture's windows: side by side, without a start token. The defaults.</summary>
    public static ScoringOptions Lecture { get; } = new();

    /// <summary>
    /// What <c>loglikelihood_rolling</c> of lm-evaluation-harness measures: a start token, windows side by side, the
    /// last as long as the others.
    /// </summary>
    public static ScoringOptions RollingWindows { get; } = new() { PrependEndOfText = true, LastWindow = LastWindow.AtEnd };

    /// <summary>
    /// Whether a document is preceded by the token that begins one, so that its first token is predicted as well; of
    /// joined documents, the first is. That token is the tokenizer's <see cref="ITextTokenizer.BeginningOfTextId"/>: of
    /// GPT-2 the end-of-text token, of a model with one of its own, such as <c>&lt;s&gt;</c>, that.
    /// </summary>
    /// <value><see langword="false"/>: a document of N tokens has N − 1 targets, as in the lecture.</value>
    public bool PrependEndOfText { get; init; }

    /// <summary>How special tokens spelled out in the text are read.</summary>
    /// <value><see cref="SpecialTokens.Recognized"/>, as in the lecture.</value>
    public SpecialTokens SpecialTokens { get; init => field = Check.Defined(value, nameof(SpecialTokens)); } = SpecialTokens.Recognized;

    /// <summary>Tokens that the model is given at once; from 1 to its context length.</summary>
    /// <value><see langword="null"/>: the model's context length.</value>
    public int? WindowLength { get; init => field = Check.AtLeast(value, 1, nameof(WindowLength)); }

    /// <summary>
    /// Tokens from the start of a window to that of the next; from 1 to <see cref="WindowLength"/>. A smaller stride
    /// gives targets more to see and costs window length / stride times as much.
    /// </summary>
    /// <value><see langword="null"/>: <see cref="WindowLength"/>, so that windows lie side by side.</value>
    public int? Stride { get; init => field = Check.AtLeast(value, 1, nameof(Stride)); }

    /// <summary>Where the last window begins.</summary>
    /// <value><see cref="LastWindow.OnStride"/>.</value>
    public LastWindow LastWindow { get; init => field = Check.Defined(value, nameof(LastWindow)); } = LastWindow.OnStride;

    /// <summary>Whether windows reach from one document of a corpus into the next. A single text has no bounds.</summary>
    /// <value><see cref="DocumentBoundaries.Separate"/>.</value>
    public DocumentBoundaries Documents { get; init => field = Check.Defined(value, nameof(Documents)); } = DocumentBoundaries.Separate;

    /// <summary>
    /// The windows of Hugging Face's guide "Perplexity of fixed-length models": it takes as many tokens as the context
    /// is long, and the last of them is only predicted, so a window gives the model one token fewer than it could hold.
    /// </summary>
    /// <param name="config">The model's sizes; a context of at least 2.</param>
    /// <param name="stride">Tokens from one window to the next, from 1 to the context length − 1.</param>
    public static ScoringOptions StridedWindows(GptConfig config, int stride = 512) => new() { WindowLength = config.ContextLength - 1, Stride = stride };

    /// <summary>Tokens of a window of a model.</summary>
    internal int WindowLengthFor(GptConfig config) => WindowLength ?? config.ContextLength;

    /// <summary>Tokens from window to window of a model.</summary>
    internal int StrideFor(GptConfig config) => Stride ?? WindowLengthFor(config);

    /// <summary>Returns these options if a model can be measured with them.</summary>
    /// <exception cref="ArgumentException">
    /// A window is longer than the context, the stride than the window, or a token is wanted that the vocabulary lacks.
    /// </exception>
    internal ScoringOptions ValidatedFor(GptConfig config, ITextTokenizer tokenizer)
    {
        int window = WindowLengthFor(config);
        if (window > config.ContextLength)
        {
            throw new ArgumentException($"{nameof(WindowLength)} is {window}; the model's context length is {config.ContextLength}.");
        }

        if (StrideFor(config) > window)
        {
            throw new ArgumentException($"{nameof(Stride)} is {Stride}; it must be from 1 to the window length, {window}, or targets would be left out.");
        }

        if (tokenizer.BeginningOfTextId is null && PrependEndOfText)
        {
            throw new ArgumentException($"{nameof(PrependEndOfText)} is set, and the model's vocabulary has no token that begins or ends a text.");
        }

        if (tokenizer.EndOfTextId is null && Documents == DocumentBoundaries.JoinedByEndOfText)
        {
            throw new ArgumentException($"{nameof(Documents)} is {Documents}, and the model's vocabulary has no end-of-text token.");
        }

        return this;
    }

    /// <summary>What makes two measurements of a model comparable, as text.</summary>
    internal string Describe(GptConfig config) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"window={WindowLengthFor(config)};stride={StrideFor(config)};last={LastWindow};documents={Documents};start={PrependEndOfText};special={SpecialTokens}");
}
