using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How a text is measured. With any setting every target is scored exactly once.</summary>
/// <remarks>
/// <para>
/// A text is read in windows of <see cref="WindowLength"/> tokens, <see cref="Stride"/> tokens apart. The first window
/// scores all of its targets; each later one scores those that no earlier window did, so that each has at least window
/// length − stride tokens before it.
/// </para>
/// <para>
/// The first token has nothing before it. By default it is not predicted: it is not a target, and its bytes, its
/// characters and the words that end with it are not counted in the divisors of the loss. With
/// <see cref="PrependEndOfText"/> it is a target like the others.
/// </para>
/// </remarks>
public sealed record ScoringOptions
{
    /// <summary>The lecture's windows: adjacent, without a start token. The defaults.</summary>
    public static ScoringOptions Lecture { get; } = new();

    /// <summary>
    /// What <c>loglikelihood_rolling</c> of lm-evaluation-harness measures: a start token, adjacent windows, the last
    /// one as long as the others.
    /// </summary>
    public static ScoringOptions RollingWindows { get; } = new() { PrependEndOfText = true, LastWindow = LastWindow.AtEnd };

    private const int DefaultWindowLength = 4096;

    /// <summary>
    /// Whether each document, or the first of joined documents, is preceded by the token that begins a document, so
    /// that its first token is predicted as well. That token is the tokenizer's
    /// <see cref="ITextTokenizer.BeginningOfTextId"/>: the end-of-text token for GPT-2, and for example
    /// <c>&lt;s&gt;</c> for a model that has one.
    /// </summary>
    /// <value><see langword="false"/>: a document of N tokens has N − 1 targets, as in the lecture.</value>
    public bool PrependEndOfText { get; init; }

    /// <summary>How special tokens spelled out in the text are read.</summary>
    /// <value><see cref="SpecialTokens.Recognized"/>, as in the lecture.</value>
    public SpecialTokens SpecialTokens { get; init => field = Check.Defined(value, nameof(SpecialTokens)); } = SpecialTokens.Recognized;

    /// <summary>The number of tokens given to the model at once; from 1 to its context length.</summary>
    /// <value>
    /// <see langword="null"/>: the model's context length, but at most 4096. The memory of a pass grows with the window, and its
    /// time with the square of it, and some models have contexts of over 100,000 tokens.
    /// </value>
    public int? WindowLength { get; init => field = Check.AtLeast(value, 1, nameof(WindowLength)); }

    /// <summary>
    /// The number of tokens from the start of a window to that of the next; from 1 to <see cref="WindowLength"/>. A smaller stride gives
    /// targets more context and costs window length / stride times as much.
    /// </summary>
    /// <value><see langword="null"/>: <see cref="WindowLength"/>, so that windows are adjacent.</value>
    public int? Stride { get; init => field = Check.AtLeast(value, 1, nameof(Stride)); }

    /// <summary>Where the last window begins.</summary>
    /// <value><see cref="LastWindow.OnStride"/>.</value>
    public LastWindow LastWindow { get; init => field = Check.Defined(value, nameof(LastWindow)); } = LastWindow.OnStride;

    /// <summary>Whether windows extend from one document of a corpus into the next.</summary>
    /// <value><see cref="DocumentBoundaries.Separate"/>.</value>
    public DocumentBoundaries Documents { get; init => field = Check.Defined(value, nameof(Documents)); } = DocumentBoundaries.Separate;

    /// <summary>
    /// Returns the windows of Hugging Face's guide "Perplexity of fixed-length models". Its windows have as many tokens
    /// as the context length, but the last of them is only predicted, so the model sees one token fewer than it could.
    /// </summary>
    /// <param name="config">The model's configuration, with a context of at least 2.</param>
    /// <param name="stride">The number of tokens from one window to the next, from 1 to the context length − 1.</param>
    public static ScoringOptions StridedWindows(GptConfig config, int stride = 512) =>
        new() { WindowLength = config.ContextLength - 1, Stride = stride };

    /// <summary>Returns the number of tokens per window.</summary>
    internal int WindowLengthFor(GptConfig config) => WindowLength ?? Math.Min(config.ContextLength, DefaultWindowLength);

    /// <summary>Returns the number of tokens from window to window.</summary>
    internal int StrideFor(GptConfig config) => Stride ?? WindowLengthFor(config);

    /// <summary>Returns these options if a model can be measured with them.</summary>
    /// <exception cref="ArgumentException">
    /// A window is longer than the context, the stride longer than the window, or the vocabulary lacks a token that the options need.
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
            throw new ArgumentException(
                $"{nameof(Stride)} is {Stride}; it must be from 1 to the window length, {window}, or targets would be left out.");
        }

        if (tokenizer.BeginningOfTextId is null && PrependEndOfText)
        {
            throw new ArgumentException(
                $"{nameof(PrependEndOfText)} is set, but the model's vocabulary has no token that begins or ends a text.");
        }

        if (tokenizer.EndOfTextId is null && Documents == DocumentBoundaries.JoinedByEndOfText)
        {
            throw new ArgumentException($"{nameof(Documents)} is {Documents}, but the model's vocabulary has no end-of-text token.");
        }

        return this;
    }

    /// <summary>
    /// Returns what makes two measurements of a model comparable, as text. It is stored in result files.
    /// </summary>
    internal string Describe(GptConfig config) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"window={WindowLengthFor(config)};stride={StrideFor(config)};last={LastWindow};documents={Documents};"
        + $"start={PrependEndOfText};special={SpecialTokens}");
}
