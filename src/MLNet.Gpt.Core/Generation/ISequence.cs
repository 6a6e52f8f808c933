namespace MLNet.Gpt.Generation;

/// <summary>One sequence that grows by tokens: what generation needs of a session.</summary>
internal interface ISequence : IDisposable
{
    /// <summary>Tokens in the sequence.</summary>
    int Position { get; }

    /// <summary>The logits after the last token, (V).</summary>
    ReadOnlySpan<float> Logits { get; }

    void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken);

    /// <summary>Appends tokens and gives the logits after each, (T, V).</summary>
    void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken);

    void Truncate(int position);

    ISequence Fork();
}
