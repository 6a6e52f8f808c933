namespace MLNet.Gpt.Generation;

/// <summary>One sequence that grows by tokens: what generation needs of a session.</summary>
internal interface ISequence : IDisposable
{
    /// <summary>Tokens in the sequence.</summary>
    int Position { get; }

    /// <summary>The logits after the last token, (V).</summary>
    ReadOnlySpan<float> Logits { get; }

    void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken);

    void Truncate(int position);

    ISequence Fork();
}
