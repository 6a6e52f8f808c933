using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// The windows that a text's tokens are split into: inputs, and as targets the same tokens shifted by one position.
/// They are views of the tokens, which are not copied if they are in memory. Thread-safe.
/// </summary>
/// <remarks>
/// Window i begins at token i · stride. With a stride equal to the context length (the default), every token except the
/// first is predicted once; with a shorter stride, windows overlap and tokens are predicted several times.
/// </remarks>
public sealed class TokenWindows : IExamples
{
    private readonly ReadOnlyMemory<int> _memory; // empty if the tokens are not in memory
    private readonly ITokenSource _tokens;
    private readonly int? _limit;
    private readonly int _completeCount;
    private string? _fingerprint;

    /// <summary>Splits tokens into windows.</summary>
    /// <param name="tokens">The ids of a text; at least 2, since the first is never predicted.</param>
    /// <param name="contextLength">Inputs in a window, T; at least 1.</param>
    /// <param name="stride">Tokens between the beginnings of two windows, from 1 to the context length; the context length where
    /// <see langword="null"/>.</param>
    /// <param name="keepIncomplete">
    /// Whether the targets that do not fill a window form a last, shorter one. Otherwise they are dropped, as in the
    /// lecture.
    /// </param>
    /// <param name="vocabularySize">
    /// The vocabulary size against which all ids are checked, or <see langword="null"/> for no check.
    /// </param>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 tokens, so there is nothing to predict; or too few for a complete window, and incomplete
    /// ones are dropped.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A length is out of range, or an id is outside the vocabulary.
    /// </exception>
    public TokenWindows(
        ReadOnlyMemory<int> tokens, int contextLength, int? stride = null, bool keepIncomplete = false, int? vocabularySize = null)
        : this(new TokenMemory(tokens), contextLength, stride, keepIncomplete)
    {
        _memory = tokens;
        if (vocabularySize is { } limit) TokenIds.Validate(tokens.Span, limit, nameof(tokens));
    }

    /// <summary>Splits tokens in memory or elsewhere, such as in a <see cref="TokenFile"/>, into windows.</summary>
    /// <param name="tokens">The ids of a text; at least 2, since the first is never predicted.</param>
    /// <param name="contextLength">Inputs in a window, T; at least 1.</param>
    /// <param name="stride">Tokens between the beginnings of two windows, from 1 to the context length; the context length where
    /// <see langword="null"/>.</param>
    /// <param name="keepIncomplete">Whether the targets that do not fill a window form a last, shorter one.</param>
    /// <param name="vocabularySize">
    /// The vocabulary size against which ids are checked when they are read, or <see langword="null"/> for no check.
    /// </param>
    /// <exception cref="ArgumentException">There are too few tokens for a window, or too many to number the windows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    public TokenWindows(ITokenSource tokens, int contextLength, int? stride = null, bool keepIncomplete = false, int? vocabularySize = null)
    {
        ContextLength = Check.AtLeast(contextLength, 1, nameof(contextLength));
        Stride = stride ?? contextLength;
        if (Stride < 1 || Stride > contextLength)
        {
            throw Check.OutOfRange(nameof(stride), Stride, $"from 1 to the context length, {contextLength}");
        }

        if (tokens.Count < 2)
        {
            throw new ArgumentException(
                $"There is nothing to predict: {Quantity.Of(tokens.Count, "token")}, but at least 2 are needed.", nameof(tokens));
        }

        if (tokens.Count <= contextLength && !keepIncomplete)
        {
            throw new ArgumentException(
                $"{Quantity.Of(tokens.Count, "token")} cannot fill a window of {Quantity.Of(contextLength, "input")} and their targets, "
                + $"which takes {contextLength + 1L}. Shorten the context, or keep incomplete windows.",
                nameof(tokens));
        }

        (_tokens, _limit) = (tokens, vocabularySize);
        long targets = tokens.Count - 1, complete = targets < contextLength ? 0 : ((targets - contextLength) / Stride) + 1;
        if (complete >= int.MaxValue)
        {
            throw new ArgumentException(
                $"{tokens.Count} tokens make {complete} windows, which is too many; use a stride longer than {Stride}.",
                nameof(stride));
        }

        _completeCount = (int)complete;
        long covered = complete == 0 ? 0 : ((complete - 1) * Stride) + contextLength;
        bool hasIncomplete = keepIncomplete && covered < targets;
        Count = _completeCount + (hasIncomplete ? 1 : 0);
        TargetCount = (complete * contextLength) + (hasIncomplete ? targets - (complete * Stride) : 0);
    }

    /// <summary>Number of windows; at least 1.</summary>
    public int Count { get; }

    /// <summary>Inputs in a complete window, T.</summary>
    public int ContextLength { get; }

    /// <summary>Tokens between the beginnings of two windows.</summary>
    public int Stride { get; }

    /// <summary>Targets in all windows together; a token in several windows counts once for each.</summary>
    public long TargetCount { get; }

    /// <summary>Inputs in a window: <see cref="ContextLength"/>, or fewer in an incomplete last one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public int Length(int window) => (int)Math.Min(ContextLength, _tokens.Count - 1 - Start(window));

    /// <summary>Returns the input ids of a window.</summary>
    /// <param name="window">From 0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public ReadOnlySpan<int> Inputs(int window) => Span(Start(window), Length(window));

    /// <summary>Returns, for each input of a window, the id that follows it.</summary>
    /// <param name="window">From 0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public ReadOnlySpan<int> Targets(int window) => Span(Start(window) + 1, Length(window));

    /// <inheritdoc/>
    int IExamples.ShuffledCount => Length(Count - 1) < ContextLength ? Count - 1 : Count;

    /// <summary>
    /// SHA-256 of all ids, each as 4 bytes, in hexadecimal digits: the same wherever the tokens are stored. Computed
    /// once.
    /// </summary>
    string IExamples.Fingerprint(CancellationToken cancellationToken)
    {
        if (_fingerprint is not null) return _fingerprint;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int[] ids = new int[(int)Math.Min(_tokens.Count, 1 << 18)];
        for (long start = 0; start < _tokens.Count; start += ids.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var part = ids.AsSpan(0, (int)Math.Min(ids.Length, _tokens.Count - start));
            _tokens.Read(start, part);
            hash.AppendData(MemoryMarshal.AsBytes(part));
        }

        return _fingerprint = Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Copies a window's inputs and targets, which overlap in all but one token, with a single read.</summary>
    void IExamples.Copy(int window, Span<int> inputs, Span<int> targets)
    {
        int length = inputs.Length;
        if (!_memory.IsEmpty)
        {
            var ids = _memory.Span.Slice((int)Start(window), length + 1);
            ids[..length].CopyTo(inputs);
            ids[1..].CopyTo(targets);
            return;
        }

        int[] rented = ArrayPool<int>.Shared.Rent(length + 1);
        var read = Read(Start(window), rented.AsSpan(0, length + 1));
        read[..length].CopyTo(inputs);
        read[1..].CopyTo(targets);
        ArrayPool<int>.Shared.Return(rented);
    }

    private long Start(int window) => (uint)window < (uint)Count
        ? (long)window * Stride
        : throw new ArgumentOutOfRangeException(nameof(window), window, $"There is no window {window}; they run from 0 to {Count - 1}.");

    private ReadOnlySpan<int> Span(long start, int length)
    {
        if (!_memory.IsEmpty) return _memory.Span.Slice((int)start, length);
        return Read(start, new int[length]);
    }

    private Span<int> Read(long start, Span<int> ids)
    {
        _tokens.Read(start, ids);
        if (_limit is { } limit) TokenIds.Validate(ids, limit, "tokens");
        return ids;
    }
}
