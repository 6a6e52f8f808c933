namespace MLNet.Gpt.Data;

/// <summary>
/// The windows that a text's tokens are cut into: inputs, and as their targets the same tokens one place further on.
/// Views of the tokens, which are neither copied nor changed. Safe for use by many threads.
/// </summary>
/// <remarks>
/// Window i begins at token i · stride. With the stride at the context length (the default) every token but the first is predicted once;
/// with a shorter stride windows overlap and tokens are predicted several times.
/// </remarks>
public sealed class TokenWindows
{
    private readonly ReadOnlyMemory<int> _tokens;
    private readonly int _completeCount;

    /// <summary>Cuts tokens into windows.</summary>
    /// <param name="tokens">The ids of a text; at least 2, since the first is never predicted.</param>
    /// <param name="contextLength">Inputs in a window, T; at least 1.</param>
    /// <param name="stride">Tokens between the beginnings of two windows, from 1 to the context length; the context length where <see langword="null"/>.</param>
    /// <param name="keepsIncomplete">
    /// Whether a last, shorter window holds the targets that fill no whole one. Otherwise they are dropped, as the lecture does.
    /// </param>
    /// <param name="vocabularySize">The limit that all ids are checked against, or <see langword="null"/> for no check.</param>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 tokens, so that there is nothing to predict; or too few for one whole window, where incomplete ones are dropped.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of its range, or an id outside the vocabulary.</exception>
    public TokenWindows(ReadOnlyMemory<int> tokens, int contextLength, int? stride = null, bool keepsIncomplete = false, int? vocabularySize = null)
    {
        ContextLength = contextLength >= 1
            ? contextLength
            : throw new ArgumentOutOfRangeException(nameof(contextLength), contextLength, $"The context length is {contextLength}; it must be at least 1.");
        Stride = stride ?? contextLength;
        if (Stride < 1 || Stride > contextLength)
        {
            throw new ArgumentOutOfRangeException(nameof(stride), stride, $"The stride is {stride}; it must be from 1 to the context length, {contextLength}.");
        }

        if (tokens.Length < 2)
        {
            throw new ArgumentException($"There is nothing to predict: {tokens.Length} tokens, where at least 2 are needed.", nameof(tokens));
        }

        if (tokens.Length <= contextLength && !keepsIncomplete)
        {
            throw new ArgumentException(
                $"{tokens.Length} tokens fill no window of {contextLength} inputs and their targets, which takes {contextLength + 1L}. Shorten the context, or keep incomplete windows.",
                nameof(tokens));
        }

        if (vocabularySize is { } limit) TokenIds.Validate(tokens.Span, limit, nameof(tokens));

        _tokens = tokens;
        int targets = tokens.Length - 1;
        _completeCount = targets < contextLength ? 0 : ((targets - contextLength) / Stride) + 1;
        int covered = _completeCount == 0 ? 0 : ((_completeCount - 1) * Stride) + contextLength;
        bool hasIncomplete = keepsIncomplete && covered < targets;
        Count = _completeCount + (hasIncomplete ? 1 : 0);
        TargetCount = ((long)_completeCount * contextLength) + (hasIncomplete ? targets - (_completeCount * Stride) : 0);
    }

    /// <summary>Number of windows; at least 1.</summary>
    public int Count { get; }

    /// <summary>Inputs in a complete window, T.</summary>
    public int ContextLength { get; }

    /// <summary>Tokens between the beginnings of two windows.</summary>
    public int Stride { get; }

    /// <summary>Targets in all windows together; a token that lies in several windows counts in each.</summary>
    public long TargetCount { get; }

    /// <summary>Inputs in a window: <see cref="ContextLength"/>, or fewer in an incomplete last one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public int Length(int window) => Math.Min(ContextLength, _tokens.Length - 1 - Start(window));

    /// <summary>The ids that a window shows the model.</summary>
    /// <param name="window">From 0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public ReadOnlySpan<int> Inputs(int window) => _tokens.Span.Slice(Start(window), Length(window));

    /// <summary>For each input of a window the id that follows it.</summary>
    /// <param name="window">From 0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public ReadOnlySpan<int> Targets(int window) => _tokens.Span.Slice(Start(window) + 1, Length(window));

    private int Start(int window) => (uint)window < (uint)Count
        ? window * Stride
        : throw new ArgumentOutOfRangeException(nameof(window), window, $"There is no window {window}; they run from 0 to {Count - 1}.");
}
