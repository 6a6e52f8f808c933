using System.Runtime.InteropServices;

namespace MLNet.Gpt.Generation;

/// <summary>What penalties need to know of a sequence: which tokens stand in it, and how often each was generated.</summary>
internal sealed class TokenHistory
{
    // Zero for a token of the prompt that was not generated.
    private readonly Dictionary<int, int> _generatedCounts = [];

    public TokenHistory(ReadOnlySpan<int> promptIds)
    {
        foreach (int id in promptIds) _generatedCounts.TryAdd(id, 0);
    }

    public void Add(int generatedId) => CollectionsMarshal.GetValueRefOrAddDefault(_generatedCounts, generatedId, out _)++;

    /// <summary>Applies the penalties of the options in place; ids without a logit, which a prompt can have, are passed over.</summary>
    public void Penalise(Span<float> logits, GenerationOptions options)
    {
        float repetition = (float)options.RepetitionPenalty, frequency = (float)options.FrequencyPenalty, presence = (float)options.PresencePenalty;
        foreach (var (id, count) in _generatedCounts)
        {
            if (id >= logits.Length) continue;
            ref float logit = ref logits[id];
            logit = logit < 0 ? logit * repetition : logit / repetition;
            if (count > 0) logit -= (count * frequency) + presence;
        }
    }
}
