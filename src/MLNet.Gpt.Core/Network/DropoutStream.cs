using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Network;

/// <summary>
/// The source of dropout's random numbers: a seed and the number of batches seen, and nothing else, so that neither
/// threads nor the order of work matter.
/// </summary>
/// <param name="Seed">The key of the generator.</param>
/// <param name="Batch">The number of the batch, from 0.</param>
/// <param name="Rate">The probability that an element is dropped; 0 for no dropout.</param>
internal readonly record struct DropoutStream(ulong Seed, ulong Batch, double Rate)
{
    // Per layer: the attention weights and the two branches. Adapters have the sites from the middle of their range.
    private const int SitesPerLayer = 3;
    private const uint FirstAdapter = 1u << 31;

    /// <summary>After the embeddings.</summary>
    public Dropout Embedding => At(0);

    /// <summary>On the attention weights of a layer; rows are (b, head, query).</summary>
    public Dropout AttentionWeights(int layer) => At(1 + (SitesPerLayer * layer));

    /// <summary>On what attention adds to the residual stream.</summary>
    public Dropout AttentionBranch(int layer) => At(2 + (SitesPerLayer * layer));

    /// <summary>On what the feed-forward layer adds to the residual stream.</summary>
    public Dropout FeedForwardBranch(int layer) => At(3 + (SitesPerLayer * layer));

    /// <summary>On the inputs of an adapter, which has a rate of its own.</summary>
    public Dropout Adapter(int matrix, double rate) => new(Seed, Batch, FirstAdapter + (uint)matrix, rate);

    private Dropout At(int site) => new(Seed, Batch, (uint)site, Rate);
}
