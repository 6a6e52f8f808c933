using System.Runtime.CompilerServices;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Inference;

/// <summary>Some rows of one or several heads of one segment, whose attention one thread computes.</summary>
internal readonly record struct AttentionUnit(int Segment, int FirstHead, int HeadCount, int FirstRow, int RowCount)
{
    private const int LongestCount = 64;

    /// <summary>
    /// Splits the attention of segments into units, the long ones first. All query heads that share the key of a single
    /// token are one unit, which stores it.
    /// </summary>
    public static AttentionUnit[] Of(ReadOnlySpan<Segment> segments, GptConfig config)
    {
        var units = new List<AttentionUnit>();
        for (int segment = 0; segment < segments.Length; segment++)
        {
            int count = segments[segment].Count, heads = count == 1 ? config.HeadCount / config.KeyValueHeadCount : 1;
            for (int first = (count - 1) / LongestCount * LongestCount; first >= 0; first -= LongestCount)
            {
                for (int head = 0; head < config.HeadCount; head += heads)
                {
                    units.Add(new(segment, head, heads, first, Math.Min(LongestCount, count - first)));
                }
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
/// <param name="shape">The sizes of a head, how many there are, and what a query can see.</param>
/// <param name="layer">The layer.</param>
/// <param name="segments">The sequences and their rows in the pass.</param>
/// <param name="units">The attention of all segments.</param>
internal readonly unsafe struct CachedAttention(AttentionShape shape, int layer, Segment[] segments, AttentionUnit[] units) : IAttention
{
    private const int TileRows = KernelSet.TileRows;
    private const int Block = KvCache.BlockPositions;

    public void Run(Compute compute, Matrix projected, Matrix attended)
    {
        // Copies, because the bodies cannot capture the struct.
        var (ofAll, allSegments, allUnits, ofLayer, size) = (shape, segments, units, layer, shape.HeadSize);

        // The key and value of a single token are stored by the unit that reads them; those of longer segments are read
        // by several units, so they are stored before.
        bool storesFirst = projected.Rows > segments.Length || Array.Exists(segments, segment => segment.Parent >= 0);
        if (storesFirst)
        {
            int heads = ofAll.KeyHeadCount;
            compute.ForEach(allSegments.Length * heads, i => Store(allSegments, i / heads, ofAll, ofLayer, i % heads, projected));
        }

        compute.ForEach(allUnits.Length, i =>
        {
            var unit = allUnits[i];
            ref readonly var segment = ref allSegments[unit.Segment];
            int keyHead = unit.FirstHead / ofAll.GroupSize, row = segment.FirstRow + unit.FirstRow;
            if (!storesFirst) Store(allSegments, unit.Segment, ofAll, ofLayer, keyHead, projected);
            Matrix queries = projected.Slice(row, unit.RowCount), output = attended.Slice(row, unit.RowCount);
            for (int head = unit.FirstHead; head < unit.FirstHead + unit.HeadCount; head++)
            {
                Attend(
                    compute.Kernels, segment.Cache, ofAll, segment.Position + unit.FirstRow, ofLayer, keyHead,
                    queries.SliceColumns(head * size, size), output.SliceColumns(head * size, size));
            }
        },
        work: WorkOf(allSegments, ofAll));
    }

    // Multiply-adds: each pair of a query and a key costs one for every number of the key and of the value.
    private static double WorkOf(Segment[] segments, AttentionShape shape)
    {
        double pairs = 0;
        foreach (var segment in segments) pairs += segment.Count * (segment.Position + (0.5 * (segment.Count + 1)));
        return 2 * pairs * shape.QueryWidth;
    }

    // Stores the keys and values of a segment's rows, and of the rows that it continues as far as their blocks are not borrowed.
    private static void Store(Segment[] segments, int index, AttentionShape shape, int layer, int keyHead, Matrix projected)
    {
        ref readonly var segment = ref segments[index];
        int first = segment.Parent < 0 ? segment.Position : segment.Position / Block * Block, end = segment.Position + segment.Count;
        while (index >= 0 && end > first)
        {
            ref readonly var source = ref segments[index];
            int position = Math.Max(first, source.Position), row = source.FirstRow + position - source.Position;
            float* key = projected.Row(row) + shape.QueryWidth + (keyHead * shape.HeadSize);
            segment.Cache.Store(position, end - position, layer, keyHead, key, key + shape.KeyWidth, projected.Stride);
            (index, end) = (source.Parent, position);
        }
    }

    // Lets queries (rows, hs), of which the first is at the given position, attend to the positions that they can see.
    [SkipLocalsInit]
    private static void Attend(
        KernelSet kernels, KvCache cache, AttentionShape shape, int firstPosition, int layer, int keyHead, Matrix queries, Matrix output)
    {
        int width = kernels.PanelWidth, valueStride = cache.ValueStride, headSize = queries.Columns;
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

            for (int block = shape.FirstVisible(firstPosition + row) / Block; block * Block <= lastPosition; block++)
            {
                int first = block * Block, keys = Math.Min(Block, lastPosition + 1 - first);
                float* panel = cache.Keys(block, layer, keyHead);
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
                    int position = firstPosition + row + i;
                    int end = Math.Clamp(position + 1 - first, 0, keys), begin = Math.Clamp(shape.FirstVisible(position) - first, 0, end);
                    if (begin < end)
                    {
                        shape.Cap.Apply(weights + begin, end - begin, shape.Scale);
                        int padded = Softmax.Hide(weights, begin);
                        float correction = softmax[i].Add(weights + padded, end - padded, shape.SoftmaxScale);
                        float* sums = gathered + (i * valueStride);
                        if (block > 0 && correction != 1) Row.Scale(sums, correction, sums, headSize);
                    }

                    // Keys that the query cannot see get no weight.
                    if (begin > 0) new Span<float>(weights, begin).Clear();
                    if (end < keys) new Span<float>(weights + end, keys - end).Clear();
                }

                // Rows that do not exist must not contain NaN from an earlier use: their values are not used, but NaN
                // would be slow.
                for (int i = rows; i < TileRows && rows > 1; i++) new Span<float>(scores + (i * Block), keys).Clear();

                float* values = cache.Values(block, layer, keyHead);
                if (rows == 1) kernels.AddWeightedRow(keys, scores, values, valueStride, gathered, valueStride);
                else kernels.AddWeightedRows(keys, scores, Block, values, valueStride, gathered, valueStride);
            }

            for (int i = 0; i < rows; i++) Row.Scale(gathered + (i * valueStride), 1 / softmax[i].Sum, output.Row(row + i), headSize);
        }
    }
}
