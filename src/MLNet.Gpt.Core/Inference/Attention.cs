using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Inference;

/// <summary>Causal attention of some rows of one head over the sequence's cache.</summary>
/// <remarks>
/// Eight queries at a time meet a block of 240 keys: their scores stay in 8 KB, become weights by an online softmax, and gather
/// the block's values. A lone query, as in generating, takes the same steps with the one-row kernels and gets the same bits.
/// </remarks>
internal static unsafe class Attention
{
    private const int TileRows = Workspace.TileRows;
    private const int Block = KvCache.BlockPositions;

    /// <summary>Numbers of scratch that <see cref="Attend"/> needs.</summary>
    public static int ScratchLengthOf(int valueStride) => TileRows * (Block + valueStride);

    /// <summary>Stores the keys and values of rows of one head into the cache.</summary>
    /// <param name="segment">The sequence and its rows in the pass.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="head">The head.</param>
    /// <param name="headSize">hs.</param>
    /// <param name="embeddingWidth">C.</param>
    /// <param name="projected">Queries, keys and values of the pass, (rows, 3 C).</param>
    /// <param name="stride">Numbers from a row to the next.</param>
    public static void Store(in Segment segment, int layer, int head, int headSize, int embeddingWidth, float* projected, nint stride)
    {
        float* row = projected + (segment.FirstRow * stride) + (head * headSize);
        segment.Cache.Store(segment.Position, segment.Count, layer, head, row + embeddingWidth, row + (2 * embeddingWidth), stride);
    }

    /// <summary>Lets rows of a segment attend to every position up to their own.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="segment">The sequence and its rows in the pass.</param>
    /// <param name="firstRow">First of the segment's rows to do.</param>
    /// <param name="rowCount">How many.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="head">The head.</param>
    /// <param name="headSize">hs.</param>
    /// <param name="projected">
    /// Queries, keys and values of the pass, (rows, 3 C); readable for up to 7 rows past the last, as queries are taken in tiles of 8.
    /// </param>
    /// <param name="projectedStride">Numbers from a row to the next.</param>
    /// <param name="attended">Receives the gathered values, (rows, C).</param>
    /// <param name="attendedStride">Numbers from a row to the next.</param>
    [SkipLocalsInit]
    public static void Attend(
        KernelSet kernels, in Segment segment, int firstRow, int rowCount, int layer, int head, int headSize,
        float* projected, nint projectedStride, float* attended, nint attendedStride)
    {
        var cache = segment.Cache;
        int width = kernels.PanelWidth, valueStride = cache.ValueStride;
        float scale = 1 / MathF.Sqrt(headSize);
        float* scores = ThreadScratch.Get(ScratchLengthOf(valueStride));
        float* gathered = scores + (TileRows * Block);
        var softmax = stackalloc OnlineSoftmax[TileRows];
        int endRow = firstRow + rowCount;
        for (int row = firstRow; row < endRow; row += TileRows)
        {
            int rows = Math.Min(TileRows, endRow - row);
            int lastPosition = segment.Position + row + rows - 1;
            float* queries = projected + ((segment.FirstRow + row) * projectedStride) + (head * headSize);
            new Span<float>(gathered, TileRows * valueStride).Clear();
            for (int i = 0; i < rows; i++) softmax[i] = OnlineSoftmax.Empty;

            for (int block = 0; block * Block <= lastPosition; block++)
            {
                int first = block * Block, keys = Math.Min(Block, lastPosition + 1 - first);
                float* panel = cache.Keys(block, layer, head);
                if (rows == 1)
                {
                    kernels.MultiplyVector(headSize, queries, panel, headSize * width, (keys + width - 1) / width, scores);
                }
                else
                {
                    for (int key = 0; key < keys; key += width, panel += headSize * width)
                    {
                        kernels.MultiplyTile(headSize, queries, projectedStride, panel, scores + key, Block, accumulate: false);
                    }
                }

                for (int i = 0; i < rows; i++)
                {
                    float* weights = scores + (i * Block);
                    int visible = Math.Min(keys, segment.Position + row + i + 1 - first);
                    if (visible > 0)
                    {
                        float correction = softmax[i].Add(weights, visible, scale);
                        float* sums = gathered + (i * valueStride);
                        if (block > 0 && correction != 1)
                        {
                            Row.Scale(sums, correction, sums, headSize);
                        }
                    }

                    // Keys after the row's own position weigh nothing.
                    if (visible < keys) new Span<float>(weights + Math.Max(0, visible), keys - Math.Max(0, visible)).Clear();
                }

                // Rows that do not exist must not hold NaN from an earlier use: they cost nothing, but would be slow.
                for (int i = rows; i < TileRows && rows > 1; i++) new Span<float>(scores + (i * Block), keys).Clear();

                float* values = cache.Values(block, layer, head);
                if (rows == 1) kernels.AddWeightedRow(keys, scores, values, valueStride, gathered, valueStride);
                else kernels.AddWeightedRows(keys, scores, Block, values, valueStride, gathered, valueStride);
            }

            float* output = attended + ((segment.FirstRow + row) * attendedStride) + (head * headSize);
            for (int i = 0; i < rows; i++)
            {
                Row.Scale(gathered + (i * valueStride), 1 / softmax[i].Sum, output + (i * attendedStride), headSize);
            }
        }
    }
}
