using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Network;

/// <summary>How far down a block the backward pass goes.</summary>
internal enum BackwardDepth
{
    /// <summary>To the gradient of the block's input.</summary>
    Whole,

    /// <summary>To queries, keys and values: the norm before them and everything below are frozen.</summary>
    Projection,

    /// <summary>Through the feed-forward half: everything below is frozen.</summary>
    FeedForward,
}

/// <summary>
/// Which parts of a network have weights to train. Nothing below the lowest of them is differentiated, and its activations are
/// not kept.
/// </summary>
internal sealed class TrainedParts
{
    private readonly BackwardDepth _depthOfFirst;

    public TrainedParts(NetworkWeights<TrainedMatrix, TrainedVector> network)
    {
        HasEmbedding = network.TokenEmbedding.IsTrained || network.PositionEmbedding?.IsTrained == true;
        var blocks = network.Blocks;
        bool IsFrozen(int block) => !IsAttentionTrained(blocks[block]) && !IsFeedForwardTrained(blocks[block]);
        while (!HasEmbedding && FirstBlock < blocks.Count && IsFrozen(FirstBlock)) FirstBlock++;

        IsHeadOnly = FirstBlock == blocks.Count && !IsTrained(network.FinalNorm);
        if (HasEmbedding || FirstBlock == blocks.Count) return;
        var first = blocks[FirstBlock];
        _depthOfFirst = !IsAttentionTrained(first) ? BackwardDepth.FeedForward
            : IsTrained(first.AttentionNorm) ? BackwardDepth.Whole
            : BackwardDepth.Projection;
    }

    /// <summary>Whether an embedding is trained, and with it everything may be.</summary>
    public bool HasEmbedding { get; }

    /// <summary>The lowest block that is differentiated; L if none is.</summary>
    public int FirstBlock { get; }

    /// <summary>Whether nothing but the head is trained.</summary>
    public bool IsHeadOnly { get; }

    /// <summary>Returns how far down a block, from <see cref="FirstBlock"/> on, the backward pass goes.</summary>
    public BackwardDepth DepthOf(int layer) => layer == FirstBlock ? _depthOfFirst : BackwardDepth.Whole;

    private static bool IsAttentionTrained(BlockWeights<TrainedMatrix, TrainedVector> block) =>
        IsTrained(block.AttentionNorm) || block.QueryKeyValue.IsTrained || IsTrained(block.QueryNorm) || IsTrained(block.KeyNorm)
        || block.AttentionOutput.IsTrained || IsTrained(block.AttentionPostNorm);

    private static bool IsFeedForwardTrained(BlockWeights<TrainedMatrix, TrainedVector> block) =>
        IsTrained(block.FeedForwardNorm) || block.FeedForwardGate?.IsTrained == true || block.FeedForwardIn.IsTrained
        || block.FeedForwardOut.IsTrained || IsTrained(block.FeedForwardPostNorm);

    private static bool IsTrained(NormWeights<TrainedVector>? norm) => norm?.Scale.IsTrained == true || norm?.Shift?.IsTrained == true;
}
