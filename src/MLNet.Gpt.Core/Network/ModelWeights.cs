using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>A model's weights in the engine's layout, each stored once, in one block of memory.</summary>
internal sealed class ModelWeights : NetworkWeights<PackedMatrix, PackedVector>, IDisposable
{
    private readonly NativeArena _arena;

    /// <summary>Lays out the weights of a configuration and allocates cleared memory for them.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="precision">How matrices are stored.</param>
    /// <param name="kernels">Decides the width of panels.</param>
    /// <param name="blocks">
    /// For matrices of bytes, says which matrices keep their Q8_0 or Q4_K blocks; <see langword="null"/> if none does.
    /// </param>
    public ModelWeights(GptConfig config, WeightPrecision precision, KernelSet kernels, BlockWeights? blocks = null)
        : this(new NativeArena("the model's weights"), config, precision, kernels, blocks)
    {
    }

    private ModelWeights(NativeArena arena, GptConfig config, WeightPrecision precision, KernelSet kernels, BlockWeights? blocks)
        : base(
            config,
            entry =>
            {
                var own = PrecisionOf(entry, precision);
                bool isBytes = own == WeightPrecision.Int8, isNibbles = own == WeightPrecision.Int4;
                return new(
                    arena, entry.Label, entry.Rows, entry.Columns, own,
                    isBytes || isNibbles ? Int8Product.PanelWidth : kernels.PanelWidth,
                    hasBlocks: isBytes && blocks is not null && entry.Names.All(blocks.IsMadeOfBlocks),
                    hasSuperBlocks: isNibbles && blocks is not null && entry.Names.All(blocks.HasQ4KBlocks));
            },
            entry => new(arena, entry.Length))
    {
        (_arena, Precision, Kernels) = (arena, precision, kernels);
        Angles = new(config);
        _arena.Allocate();
    }

    /// <summary>How matrices are stored.</summary>
    public WeightPrecision Precision { get; }

    /// <summary>The kernels that the layout is for.</summary>
    public KernelSet Kernels { get; }

    /// <summary>The rotation of positions.</summary>
    public RotaryAngles Angles { get; }

    /// <summary>Memory of all weights, in bytes.</summary>
    public long ByteCount => _arena.Length;

    /// <summary>Keeps the memory alive until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The weights were freed.</exception>
    public NativeBlock.Lease Borrow() => _arena.Block.Borrow();

    /// <summary>Frees the memory when its last lease ends.</summary>
    public void Dispose() => _arena.Dispose();

    // The embedding and the head decide between tens of thousands of tokens, and lose most from four bits.
    private static WeightPrecision PrecisionOf(MatrixEntry entry, WeightPrecision precision)
    {
        bool isVocabulary = entry.Names is [WeightNames.TokenEmbedding or WeightNames.Head];
        bool isWide = isVocabulary || entry.Columns % Q4Block.Length != 0;
        return precision == WeightPrecision.Int4 && isWide ? WeightPrecision.Int8 : precision;
    }
}
