namespace MLNet.Gpt.Generation;

/// <summary>
/// Guesses what comes next in a sequence from the sequence itself: the tokens that followed the last time that its
/// latest tokens stood in it. Source: Saxena, "Prompt Lookup Decoding" (2023), after Leviathan et al., "Fast Inference
/// from Transformers via Speculative Decoding" (2023).
/// </summary>
internal sealed class LookupDrafter
{
    // A pair of tokens recurs by chance too often to be worth a guess.
    private const int MatchLength = 3;

    private const int FirstLength = 3;

    private readonly List<int> _ids = [];

    // Where each run of three tokens was last followed by another: the follower's index.
    private readonly Dictionary<(int, int, int), int> _followers = [];

    // How much is guessed at a time and how often it is not, by how the guesses before fared.
    private int _length = FirstLength;
    private int _rest;
    private int _failures;

    /// <summary>Adds a token that is certain.</summary>
    public void Add(int id)
    {
        if (_ids.Count >= MatchLength) _followers[Last()] = _ids.Count;
        _ids.Add(id);
    }

    /// <summary>Guesses the next tokens; empty where the latest ones are new, or where guessing has not paid of late.</summary>
    /// <param name="most">Most tokens to guess.</param>
    public int[] Draft(int most)
    {
        if (_rest > 0)
        {
            _rest--;
            return [];
        }

        if (_ids.Count < MatchLength || !_followers.TryGetValue(Last(), out int start)) return [];
        int[] draft = new int[Math.Clamp(most, 0, _length)];
        for (int i = 0; i < draft.Length; i++)
        {
            // A text that repeats with a short period is guessed on from the guess itself.
            int source = start + i;
            draft[i] = source < _ids.Count ? _ids[source] : draft[source - _ids.Count];
        }

        return draft;
    }

    /// <summary>Learns how many tokens of a guess came true.</summary>
    public void Learn(int drafted, int accepted)
    {
        if (accepted == drafted)
        {
            _length = Math.Min(2 * _length, LookupSequence.LongestDraft);
            _failures = 0;
        }
        else if (accepted == 0)
        {
            // Each guess in vain doubles the wait for the next: text that does not repeat costs next to nothing.
            _length = FirstLength;
            _rest = 1 << Math.Min(_failures++, 6);
        }
        else
        {
            _length = Math.Max(FirstLength, accepted);
            _failures = 0;
        }
    }

    private (int, int, int) Last() => (_ids[^3], _ids[^2], _ids[^1]);
}
