
namespace MLNet.Gpt.Generation;

/// <summary>The managed engine as generation sees it.</summary>
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

        public void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken) => session.Append(ids, logits, cancellationToken);

        public void Truncate(int position) => session.Truncate(position);

        public ISequence Fork() => new Sequence(session.Fork());

        public void Dispose() => session.Dispose();
    }
}
