using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>A model's weights in the engine's layout, each once, in one block of memory.</summary>
internal sealed class ModelWeights : IDisposable
{
    private readonly NativeArena _arena = new("the model's weights");

    /// <summary>Lays out the weights of a configuration and takes cleared memory for them.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="precision">How matrices are held.</param>
    /// <param name="kernels">Decides the width of panels.</param>
    /// <param name="blocks">At Int8, tells which matrices keep their Q8_0 blocks; <see langword="null"/> if none does.</param>
    public ModelWeights(GptConfig config, WeightPrecision precision, KernelSet kernels, Q8Weights? blocks = null)
    {
        Config = config;
        Precision = precision;
        Kernels = kernels;
        int c = config.EmbeddingWidth, v = config.VocabularySize;
        int panelWidth = precision == WeightPrecision.Int8 ? Int8Product.PanelWidth : kernels.PanelWidth;
        PositionEmbedding = new PackedVector(_arena, checked(config.ContextLength * c));
        TokenEmbedding = new PackedMatrix(_arena, "token embedding", v, c, precision, panelWidth, HasBlocks(WeightNames.TokenEmbedding));
        Blocks =
        [
            .. Enumerable.Range(0, config.LayerCount).Select(layer => new BlockWeights(_arena, config, layer, precision, panelWidth, HasBlocks)),
        ];
        FinalNormScale = new PackedVector(_arena, c);
        FinalNormShift = new PackedVector(_arena, c);
        Head = config.HasTiedHead ? TokenEmbedding : new PackedMatrix(_arena, "output head", v, c, precision, panelWidth, HasBlocks(WeightNames.Head));
        _arena.Allocate();

        bool HasBlocks(params string[] names) => blocks is not null && names.All(blocks.IsMadeOfBlocks);
    }

    public GptConfig Config { get; }

    public WeightPrecision Precision { get; }

    public KernelSet Kernels { get; }

    /// <summary>(T, C).</summary>
    public PackedVector PositionEmbedding { get; }

    /// <summary>(V, C).</summary>
    public PackedMatrix TokenEmbedding { get; }

    public IReadOnlyList<BlockWeights> Blocks { get; }

    public PackedVector FinalNormScale { get; }

    public PackedVector FinalNormShift { get; }

    /// <summary>(V, C): the token embedding itself where the head is tied.</summary>
    public PackedMatrix Head { get; }

    /// <summary>Memory of all weights, in bytes.</summary>
    public long ByteCount => _arena.Length;

    /// <summary>Every matrix once.</summary>
    public IEnumerable<PackedMatrix> Matrices
    {
        get
        {
            yield return TokenEmbedding;
            foreach (var block in Blocks)
            {
                yield return block.QueryKeyValue;
                yield return block.AttentionOutput;
                yield return block.FeedForwardIn;
                yield return block.FeedForwardOut;
            }

            if (Head != TokenEmbedding) yield return Head;
        }
    }

    /// <summary>Every vector once.</summary>
    public IEnumerable<PackedVector> Vectors
    {
        get
        {
            yield return PositionEmbedding;
            foreach (var block in Blocks)
            {
                yield return block.AttentionNormScale;
                yield return block.AttentionNormShift;
                yield return block.FeedForwardNormScale;
                yield return block.FeedForwardNormShift;
            }

            yield return FinalNormScale;
            yield return FinalNormShift;
        }
    }

    /// <summary>Keeps the memory for as long as the lease lives.</summary>
    /// <exception cref="ObjectDisposedException">The weights were freed.</exception>
    public NativeBlock.Lease Borrow() => _arena.Block.Borrow();

    public void Dispose() => _arena.Dispose();
}
