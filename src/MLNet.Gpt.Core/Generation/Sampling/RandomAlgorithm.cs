namespace MLNet.Gpt;

/// <summary>How a token is drawn from probabilities.</summary>
public enum RandomAlgorithm
{
    /// <summary>
    /// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64, one number a token, inverted over the tokens in order of id.
    /// The same logits and seed give the same token on any machine. Each sample of a prompt has a stream of its own.
    /// </summary>
    Xoshiro256,

    /// <summary>
    /// What <c>torch.multinomial(probabilities, 1)</c> draws on a CPU after <c>torch.manual_seed(seed)</c>, so that the
    /// book's <c>generate</c> is repeated token for token. Needs no libtorch. The n-th sample of a prompt (from 0) is
    /// the book's text for the seed plus n.
    /// </summary>
    PyTorch,
}
