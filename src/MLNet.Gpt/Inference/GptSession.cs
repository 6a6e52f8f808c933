namespace MLNet.Gpt.Inference;

/// <summary>One sequence being read or written: its tokens' keys and values are kept, so that each token is computed once. Not safe for use by many threads at once.</summary>
public sealed class GptSession : IDisposable
{
    /// <summary>The model that the session runs on.</summary>
    public GptModel Model => throw new NotImplementedException();

    /// <summary>Tokens in the session, from 0 to the context length.</summary>
    public int Position => throw new NotImplementedException();

    /// <summary>The logits after the last token, (V); valid until the session changes. Empty before the first token.</summary>
    public ReadOnlySpan<float> Logits => throw new NotImplementedException();

    /// <summary>Appends tokens and returns the logits after the last of them.</summary>
    public ReadOnlySpan<float> Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Forgets all tokens from a position on; logits are empty until the next <see cref="Append"/>.</summary>
    public void Truncate(int position) => throw new NotImplementedException();

    /// <summary>A session of its own that continues from the same tokens.</summary>
    public GptSession Fork() => throw new NotImplementedException();

    /// <summary>Frees the cache.</summary>
    public void Dispose() => throw new NotImplementedException();
}
