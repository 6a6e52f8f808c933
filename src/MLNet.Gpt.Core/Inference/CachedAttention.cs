using System.Runtime.CompilerServices;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Inference;

/// <summary>Some rows of one head of one segment, whose attention one thread computes.</summary>
internal readonly record struct AttentionUnit(int Segment, int Head, int FirstRow, int RowCount)
{
    private const int LongestCount = 64;

    /// <summary>Splits the attention of segments into units, the long ones first.</summary>
    public static AttentionUnit[] Of(ReadOnlySpan<Segment> segments, int headCount)
    {
        var units = new List<AttentionUnit>();
        for (int segment = 0; segment < segments.Length; segment++)
        {
            int count = segments[segment].Count;
            for (int first = (count - 1) / LongestCount * LongestCount; first >= 0; first -= LongestCount)
            {
                for (int head = 0; head < headCount; head++) units.Add(new(segment, head, first, Math.Min(LongestCount, count - first)));
            }
        }

        return [.. units];
    }
}

/// <summary>
/// Causal attention of one layer over the caches of the sequences, in which the new keys and values are stored first.
/// </summary>
/// <remarks>
/// Eight queries at a time are multiplied with a block of 240 keys: their scores stay in 8 KB, become weights in an
/// online softmax, and weight the block's values. A single query, as in generation, takes the same steps with the
/// one-row kernels and gets the same bits.
/// </remarks>
/// <param name="config">The model's sizes.</param>
/// <param name="layer">The layer.</param>
/// <param name="segments">The sequences and their rows in the pass.</param>
/// <param name="units">The attention of all segments.</param>
internal readonly unsafe struct CachedAttention(GptConfig config, int layer, Segment[] segments, AttentionUnit[] units) : IAttention
{
    private const int TileRows = KernelSet.TileRows;
    private const int Block = KvCache.BlockPositions;

    public void Run(Compute compute, Matrix projected, Matrix attended)
    {
        // Copies, because the bodies cannot capture the struct.
        var (allSegments, allUnits, ofLayer, heads, size) = (segments, units, layer, config.HeadCount, config.HeadSize);

        // The key and value of a single token are stored by the unit that reads them; those of longer segments are read
        // by several units, so they are stored before.
        bool storesFirst = projected.Rows > segments.Length;
        if (storesFirst)
        {
            compute.ForEach(allSegments.Length * heads, i => Store(allSegments[i / heads], ofLayer, i % heads, heads, size, projected));
        }

        compute.ForEach(allUnits.Length, i =>
        {
            var unit = allUnits[i];
            ref readonly var segment = ref allSegments[unit.Segment];
            if (!storesFirst) Store(segment, ofLayer, unit.Head, heads, size, projected);
            int row = segment.FirstRow + unit.FirstRow, column = unit.Head * size;
            var queries = projected.Slice(row, unit.RowCount).SliceColumns(column, size);
            Attend(
                compute.Kernels, segment.Cache, segment.Position + unit.FirstRow, ofLayer, unit.Head, queries,
                attended.Slice(row, unit.RowCount).SliceColumns(column, size));
        });
    }

    private static void Store(in Segment segment, int layer, int head, int headCount, int headSize, Matrix projected)
    {
        float* row = projected.Row(segment.FirstRow) + (head * headSize);
        int width = headCount * headSize;
        segment.Cache.Store(segment.Position, segment.Count, layer, head, row + width, row + (2 * width), projected.Stride);
    }

    // Lets queries (rows, hs), of which the first is at the given position, attend to every position up to their own.
    [SkipLocalsInit]
    private static void Attend(KernelSet kernels, KvCache cache, int firstPosition, int layer, int head, Matrix queries, Matrix output)
    {
        int width = kernels.PanelWidth, valueStride = cache.ValueStride, headSize = queries.Columns;
        float scale = 1 / MathF.Sqrt(headSize);
        float* scores = ThreadScratch.Get(TileRows * (Block + valueStride));
        float* gathered = scores + (TileRows * Block);
        var softmax = stackalloc OnlineSoftmax[TileRows];
        for (int row = 0; row < queries.Rows; row += TileRows)
        {
            int rows = Math.Min(TileRows, queries.Rows - row), lastPosition = firstPosition + row + rows - 1;
            var tile = queries.Slice(row, rows);
            if (rows > 1) tile.AssertReadable(TileRows);
            new Span<float>(gathered, TileRows * valueStride).Clear();
            for (int i = 0; i < rows; i++) softmax[i] = OnlineSoftmax.Empty;

            for (int block = 0; block * Block <= lastPosition; block++)
            {
                int first = block * Block, keys = Math.Min(Block, lastPosition + 1 - first);
                float* panel = cache.Keys(block, layer, head);
                if (rows == 1)
                {
                    kernels.MultiplyVector(headSize, tile.Data, panel, headSize * width, (keys + width - 1) / width, scores);
                }
                else
                {
                    for (int key = 0; key < keys; key += width, panel += headSize * width)
                    {
                        kernels.MultiplyTile(headSize, tile.Data, tile.Stride, panel, scores + key, Block, accumulate: false);
                    }
                }

                for (int i = 0; i < rows; i++)
                {
                    float* weights = scores + (i * Block);
                    int visible = Math.Min(keys, firstPosition + row + i + 1 - first);
                    if (visible > 0)
                    {
                        float correction = softmax[i].Add(weights, visible, scale);
                        float* sums = gathered + (i * valueStride);
                        if (block > 0 && correction != 1) Row.Scale(sums, correction, sums, headSize);
                    }

                    // Keys after the row's own position get no weight.
                    if (visible < keys) new Span<float>(weights + Math.Max(0, visible), keys - Math.Max(0, visible)).Clear();
                }

                // Rows that do not exist must not contain NaN from an earlier use: their values are not used, but NaN
                // would be slow.
                for (int i = rows; i < TileRows && rows > 1; i++) new Span<float>(scores + (i * Block), keys).Clear();

                float* values = cache.Values(block, layer, head);
                if (rows == 1) kernels.AddWeightedRow(keys, scores, values, valueStride, gathered, valueStride);
                else kernels.AddWeightedRows(keys, scores, Block, values, valueStride, gathered, valueStride);
            }

            for (int i = 0; i < rows; i++) Row.Scale(gathered + (i * valueStride), 1 / softmax[i].Sum, output.Row(row + i), headSize);
        }
    }
}
