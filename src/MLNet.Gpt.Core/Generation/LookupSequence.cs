namespace MLNet.Gpt.Generation;

/// <summary>
/// A sequence that appends guessed tokens along with each certain one, in one pass over the model's weights, and keeps
/// the logits after each: a guess that comes true costs nothing more, and one that does not is taken back. Logits are
/// those of one token at a time, bit for bit.
/// </summary>
internal sealed class LookupSequence : ISequence
{
    /// <summary>Most tokens that are guessed at a time. With the certain one they are eight, the rows that the matrix
    /// product computes together: a pass of eight takes about a third longer than one of a single token, and a ninth
    /// would begin another block.</summary>
    public const int LongestDraft = 7;

    private readonly ISequence _inner;
    private readonly int _contextLength;
    private readonly int _vocabularySize;
    private readonly LookupDrafter _drafter = new();

    // The token that was certain, the guesses after it, and the logits after each of them.
    private int[] _passIds = [];
    private float[] _passLogits = [];
    private int _row;

    /// <param name="inner">Owned. Already holds the prompt.</param>
    /// <param name="ids">The prompt's tokens.</param>
    /// <param name="contextLength">The most that the sequence can hold.</param>
    /// <param name="vocabularySize">Logits of one token.</param>
    public LookupSequence(ISequence inner, ReadOnlySpan<int> ids, int contextLength, int vocabularySize)
    {
        _inner = inner;
        _contextLength = contextLength;
        _vocabularySize = vocabularySize;
        foreach (int id in ids) _drafter.Add(id);
    }

    public int Position => _inner.Position - Guesses;

    public ReadOnlySpan<float> Logits => _passIds.Length == 0
        ? _inner.Logits
        : _passLogits.AsSpan(_row * _vocabularySize, _vocabularySize);

    // Guesses that are in the inner sequence and have not come true yet.
    private int Guesses => Math.Max(0, _passIds.Length - 1 - _row);

    public void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        if (ids.Length != 1)
        {
            EndPass();
            _inner.Append(ids, cancellationToken);
            return;
        }

        int id = ids[0];
        if (Guesses > 0 && _passIds[_row + 1] == id)
        {
            _row++;
            _drafter.Add(id);
            return;
        }

        EndPass();
        _drafter.Add(id);
        int[] draft = _drafter.Draft(Math.Min(LongestDraft, _contextLength - _inner.Position - 1));
        if (draft.Length == 0)
        {
            _inner.Append(ids, cancellationToken);
            return;
        }

        int[] pass = [id, .. draft];
        if (_passLogits.Length == 0) _passLogits = new float[(LongestDraft + 1) * _vocabularySize];
        _inner.AppendAll(pass, _passLogits.AsSpan(0, pass.Length * _vocabularySize), cancellationToken);
        _passIds = pass;
    }

    public void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken)
    {
        EndPass();
        _inner.AppendAll(ids, logits, cancellationToken);
    }

    public void Truncate(int position)
    {
        EndPass();
        _inner.Truncate(position);
    }

    public ISequence Fork() => throw new NotSupportedException("A sequence is forked before it guesses.");

    public void Dispose() => _inner.Dispose();

    // Takes back the guesses that have not come true.
    private void EndPass()
    {
        if (_passIds.Length == 0) return;
        _drafter.Learn(_passIds.Length - 1, _row);
        _inner.Truncate(Position);
        _passIds = [];
        _row = 0;
    }
}
