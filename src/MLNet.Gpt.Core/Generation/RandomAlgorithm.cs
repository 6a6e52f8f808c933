namespace MLNet.Gpt;

/// <summary>How a token is drawn from probabilities.</summary>
public enum RandomAlgorithm
{
    /// <summary>
    /// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64, with one number per token and the tokens in
    /// the order of their ids. The same logits and seed give the same token on any machine. Each sample of a prompt has
    /// its own stream.
    /// </summary>
    Xoshiro256,

    /// <summary>
    /// What <c>torch.multinomial(probabilities, 1)</c> draws on a CPU after <c>torch.manual_seed(seed)</c>: repeats the
    /// book's <c>generate</c> token for token, without libtorch. The n-th sample of a prompt (from 0) is the book's
    /// text for the seed plus n.
    /// </summary>
    PyTorch,
}
