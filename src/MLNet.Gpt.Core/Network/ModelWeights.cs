using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>A model's weights in the engine's layout, each stored once, in one block of memory.</summary>
internal sealed class ModelWeights : NetworkWeights<PackedMatrix, PackedVector>, IDisposable
{
    private readonly NativeArena _arena;
    private readonly NativeBlock.SharedLease? _base;

    /// <summary>Lays out the weights of a configuration and allocates cleared memory for them.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="precision">How matrices are stored.</param>
    /// <param name="kernels">Decides the width of panels.</param>
    /// <param name="blocks">
    /// For matrices of bytes, says which weights keep their blocks; <see langword="null"/> if none does.
    /// </param>
    public ModelWeights(GptConfig config, WeightPrecision precision, KernelSet kernels, BlockWeights? blocks = null)
        : this(new NativeArena("the model's weights"), config, precision, kernels, blocks)
    {
    }

    // The same matrices, in the memory of another instance, with low-rank updates.
    private ModelWeights(ModelWeights shared, Func<MatrixEntry, PackedMatrix, PackedMatrix> view)
        : base(
            shared.Config,
            entry => view(entry, shared.Find(entry)!),
            entry => shared.Find(entry)!)
    {
        (_arena, _base) = (shared._arena, shared._arena.Block.Share());
        (Precision, Kernels, Angles) = (shared.Precision, shared.Kernels, shared.Angles);
    }

    private ModelWeights(NativeArena arena, GptConfig config, WeightPrecision precision, KernelSet kernels, BlockWeights? blocks)
        : base(
            config,
            entry => Create(arena, entry, kernels, Array.ConvertAll(entry.Names, name => FormOf(entry, name, precision, blocks))),
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

    /// <summary>Returns the same weights in the same memory, which is freed when neither uses it any more.</summary>
    /// <param name="view">Returns a matrix, or one in the same memory with low-rank updates.</param>
    public ModelWeights Share(Func<MatrixEntry, PackedMatrix, PackedMatrix> view) => new(this, view);

    /// <summary>Frees the memory when its last lease ends.</summary>
    public void Dispose()
    {
        if (_base is null) _arena.Dispose();
        else _base.Dispose();
    }

    // Of the weights of a matrix, a file may store some with more bits, such as values as Q6_K beside queries as Q4_K.
    private static PackedMatrix Create(
        NativeArena arena, MatrixEntry entry, KernelSet kernels, (WeightPrecision Precision, StoredBlocks Blocks)[] forms)
    {
        return forms.Distinct().Count() == 1
            ? New(entry.Rows, forms[0])
            : new(arena, entry.Label, [.. forms.Select((form, part) => New(entry.PartRows[part], form))]);

        PackedMatrix New(int rows, (WeightPrecision Precision, StoredBlocks Blocks) form)
        {
            bool takesBytes = form.Precision is WeightPrecision.Int8 or WeightPrecision.Int4;
            return new(
                arena, entry.Label, rows, entry.Columns, form.Precision, takesBytes ? Int8Product.PanelWidth : kernels.PanelWidth,
                form.Blocks);
        }
    }

    private static (WeightPrecision Precision, StoredBlocks Blocks) FormOf(
        MatrixEntry entry, string name, WeightPrecision precision, BlockWeights? blocks)
    {
        var own = PrecisionOf(entry, precision);
        if (blocks is null) return (own, StoredBlocks.None);
        return blocks.StoredAs(name) switch
        {
            StoredBlocks.Q4_K => (WeightPrecision.Int4, StoredBlocks.Q4_K),
            (StoredBlocks.Q5_K or StoredBlocks.Q6_K) and var stored => (WeightPrecision.Int8, stored),
            _ => (own, own == WeightPrecision.Int8 && blocks.IsMadeOfBlocks(name) ? StoredBlocks.Q8_0 : StoredBlocks.None),
        };
    }

    // The embedding and the head decide between tens of thousands of tokens, and lose most from four bits.
    private static WeightPrecision PrecisionOf(MatrixEntry entry, WeightPrecision precision)
    {
        bool isVocabulary = entry.Names is [WeightNames.TokenEmbedding or WeightNames.Head];
        bool isWide = isVocabulary || entry.Columns % Q4Block.Length != 0;
        return precision == WeightPrecision.Int4 && isWide ? WeightPrecision.Int8 : precision;
    }
}
