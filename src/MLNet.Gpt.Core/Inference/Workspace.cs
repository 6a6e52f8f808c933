using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>
/// The activations of one pass. Rows are padded to whole tiles, so that the kernels never look at an edge; of <see cref="QueryKeyValue"/>,
/// whose tiles begin at any row, a tile's last rows can be read past the end.
/// </summary>
internal sealed unsafe class Workspace : IDisposable
{
    /// <summary>Rows of a tile.</summary>
    public const int TileRows = 8;

    private readonly NativeArena _arena;
    private readonly long _residual, _normalised, _queryKeyValue, _attended, _hidden, _quantised;
    private NativeBlock? _logits;

    public Workspace(GptConfig config, int rows)
    {
        Rows = (rows + TileRows - 1) / TileRows * TileRows;
        _arena = new(FormattableString.Invariant($"a pass over {Rows} tokens"));
        Width = RoundUp(config.EmbeddingWidth);
        ProjectedWidth = RoundUp(3 * config.EmbeddingWidth);
        HiddenWidth = RoundUp(config.FeedForwardWidth);
        _residual = _arena.Reserve(4L * Rows * Width);
        _normalised = _arena.Reserve(4L * Rows * Width);
        _queryKeyValue = _arena.Reserve(4L * ReadableProjectedRows * ProjectedWidth);
        _attended = _arena.Reserve(4L * Rows * Width);
        _hidden = _arena.Reserve(4L * Rows * HiddenWidth);
        _quantised = _arena.Reserve((long)Rows * QuantisedRow.StrideOf(config.FeedForwardWidth));
        _arena.Allocate();
    }

    /// <summary>Rows that fit.</summary>
    public int Rows { get; }

    /// <summary>
    /// Rows of <see cref="QueryKeyValue"/> that can be read: attention takes tiles from any row on, up to 7 past the
    /// last.
    /// </summary>
    public int ReadableProjectedRows => Rows + TileRows - 1;

    /// <summary>When the pool got it back, by <see cref="Environment.TickCount64"/>.</summary>
    public long LastUse { get; set; }

    /// <summary>Numbers from a row to the next in buffers of C columns.</summary>
    public int Width { get; }

    /// <summary>Numbers from a row to the next in <see cref="QueryKeyValue"/>.</summary>
    public int ProjectedWidth { get; }

    /// <summary>Numbers from a row to the next in <see cref="Hidden"/>.</summary>
    public int HiddenWidth { get; }

    /// <summary>The residual stream, (rows, C).</summary>
    public float* Residual => (float*)_arena.At(_residual);

    /// <summary>The residual stream after a layer norm, (rows, C).</summary>
    public float* Normalised => (float*)_arena.At(_normalised);

    /// <summary>Queries, keys and values of all heads, (rows, 3 C).</summary>
    public float* QueryKeyValue => (float*)_arena.At(_queryKeyValue);

    /// <summary>What the heads gathered, (rows, C).</summary>
    public float* Attended => (float*)_arena.At(_attended);

    /// <summary>The feed-forward layer's hidden activations, (rows, 4 C).</summary>
    public float* Hidden => (float*)_arena.At(_hidden);

    /// <summary>Room for the input of a product in bytes.</summary>
    public byte* Quantised => _arena.At(_quantised);

    /// <summary>Room for the logits of every row, (rows, V), taken when first asked for.</summary>
    public float* Logits(int vocabularySize) => (float*)(_logits ??= NativeBlock.Allocate(4L * Rows * vocabularySize, "a pass's logits")).Pointer;

    public void Dispose()
    {
        _arena.Dispose();
        _logits?.Dispose();
    }

    private static int RoundUp(int width) => (width + 15) & ~15;
}
