namespace MLNet.Gpt.Generation;

/// <summary>A sequence that grows by tokens: the part of a session that generation needs.</summary>
internal interface ISequence : IDisposable
{
    /// <summary>The number of tokens in the sequence.</summary>
    int Position { get; }

    /// <summary>The logits after the last token, (V).</summary>
    ReadOnlySpan<float> Logits { get; }

    void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken);

    /// <summary>Appends tokens and computes the logits after each, (T, V).</summary>
    void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken);

    void Truncate(int position);

    ISequence Fork();
}

/// <summary>
/// The part of a model that generation needs. Tests replace it with a model that has scripted logits.
/// </summary>
internal interface ISequenceModel
{
    int ContextLength { get; }

    ITextTokenizer Tokenizer { get; }

    ISequence Start();

    /// <summary>Appends one token to each sequence.</summary>
    void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken);
}

/// <summary>A <see cref="GptModel"/> as generation uses it.</summary>
internal sealed class GptSequenceModel(GptModel model) : ISequenceModel
{
    public int ContextLength => model.Config.ContextLength;

    public ITextTokenizer Tokenizer => model.Tokenizer;

    public ISequence Start() => new Sequence(model.CreateSession());

    public void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        var sessions = new GptSession[sequences.Length];
        for (int i = 0; i < sessions.Length; i++) sessions[i] = ((Sequence)sequences[i]).Session;
        model.Step(sessions, ids, cancellationToken);
    }

    private sealed class Sequence(GptSession session) : ISequence
    {
        public GptSession Session => session;

        public int Position => session.Position;

        public ReadOnlySpan<float> Logits => session.Logits;

        public void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken) => session.Append(ids, cancellationToken);

        public void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken) =>
            session.Append(ids, logits, cancellationToken);

        public void Truncate(int position) => session.Truncate(position);

        public ISequence Fork() => new Sequence(session.Fork());

        public void Dispose() => session.Dispose();
    }
}
