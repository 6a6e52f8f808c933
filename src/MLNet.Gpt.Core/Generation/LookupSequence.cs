namespace MLNet.Gpt.Generation;

/// <summary>
/// A sequence that appends guessed tokens together with each certain one, in one pass over the model's weights, and
/// keeps the logits after each: a right guess costs almost nothing, and a wrong one is undone. The logits are those of
/// one token at a time, bit for bit.
/// </summary>
internal sealed class LookupSequence : ISequence
{
    /// <summary>
    /// The maximum number of tokens to guess at a time. Together with the certain one, these are eight, the number of
    /// rows that the matrix product computes together: a pass of eight takes about a third longer than one of a single
    /// token, and a ninth would start another block.
    /// </summary>
    public const int LongestDraft = 7;

    private readonly ISequence _inner;
    private readonly int _contextLength;
    private readonly int _vocabularySize;
    private readonly LookupDrafter _drafter = new();

    // The token that was certain, the guesses after it, and the logits after each of them.
    private int[] _passIds = [];
    private float[] _passLogits = [];
    private int _row;

    /// <param name="inner">Owned. Already contains the prompt.</param>
    /// <param name="ids">The tokens of the prompt.</param>
    /// <param name="contextLength">The maximum length of the sequence.</param>
    /// <param name="vocabularySize">The number of logits per token.</param>
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

    // The guesses in the inner sequence that are not confirmed yet.
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
        if (Confirm(id)) return;
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

    /// <summary>
    /// Accepts a token that is certain, and returns whether it was guessed and is in the sequence already. If not, the
    /// caller appends it to the inner sequence.
    /// </summary>
    public bool Confirm(int id)
    {
        if (Guesses > 0 && _passIds[_row + 1] == id)
        {
            _row++;
            _drafter.Add(id);
            return true;
        }

        EndPass();
        _drafter.Add(id);
        return false;
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

    public ISequence Fork() => throw new NotSupportedException("A sequence can only be forked before it guesses.");

    public void Dispose() => _inner.Dispose();

    // Undoes the guesses that were not confirmed.
    private void EndPass()
    {
        if (_passIds.Length == 0) return;
        _drafter.Learn(_passIds.Length - 1, _row);
        _inner.Truncate(Position);
        _passIds = [];
        _row = 0;
    }
}

/// <summary>
/// Guesses the next tokens of a sequence from the sequence itself: those that followed the previous occurrence of its last tokens. Source:
/// Saxena, "Prompt Lookup Decoding" (2023), after Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023).
/// </summary>
internal sealed class LookupDrafter
{
    // A pair of tokens recurs by chance too often to be worth a guess.
    private const int MatchLength = 3;

    private const int FirstLength = 3;

    private readonly List<int> _ids = [];

    // For each run of three tokens, the index of the token that last followed it.
    private readonly Dictionary<(int, int, int), int> _followers = [];

    // How many tokens to guess at a time and how many times not to guess; both adapt to the success of earlier guesses.
    private int _length = FirstLength;
    private int _pause;
    private int _failures;

    /// <summary>Adds a token that is certain.</summary>
    public void Add(int id)
    {
        if (_ids.Count >= MatchLength) _followers[Last()] = _ids.Count;
        _ids.Add(id);
    }

    /// <summary>
    /// Guesses the next tokens; returns none if the last tokens are new, or if recent guesses have failed.
    /// </summary>
    /// <param name="maximum">The maximum number of tokens to guess.</param>
    public int[] Draft(int maximum)
    {
        if (_pause > 0)
        {
            _pause--;
            return [];
        }

        if (_ids.Count < MatchLength || !_followers.TryGetValue(Last(), out int start)) return [];
        int[] draft = new int[Math.Clamp(maximum, 0, _length)];
        for (int i = 0; i < draft.Length; i++)
        {
            // A text that repeats with a short period is continued from the guess itself.
            int source = start + i;
            draft[i] = source < _ids.Count ? _ids[source] : draft[source - _ids.Count];
        }

        return draft;
    }

    /// <summary>Adapts to how many tokens of a guess were right.</summary>
    public void Learn(int drafted, int accepted)
    {
        if (accepted == drafted)
        {
            _length = Math.Min(2 * _length, LookupSequence.LongestDraft);
            _failures = 0;
        }
        else if (accepted == 0)
        {
            // Each wrong guess doubles the pause before the next: text that does not repeat costs next to nothing.
            _length = FirstLength;
            _pause = 1 << Math.Min(_failures++, 6);
        }
        else
        {
            _length = Math.Max(FirstLength, accepted);
            _failures = 0;
        }
    }

    private (int, int, int) Last() => (_ids[^3], _ids[^2], _ids[^1]);
}
