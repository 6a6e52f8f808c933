using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>The keys and values of one sequence, in blocks of positions that are added as the sequence grows.</summary>
/// <remarks>
/// In a block, each head of each layer has its keys in panels like those of packed weights ([panel][k][position], so
/// that scores are the product of a query with a panel) and its values as rows ([position][hs, padded]). Blocks begin
/// at multiples of <see cref="BlockPositions"/>, whatever the machine and however the tokens were appended: the softmax
/// combines its sums block by block, so a position's result never depends on how the prompt was divided.
/// </remarks>
internal sealed unsafe class KvCache : IDisposable
{
    /// <summary>Positions in a block: a multiple of the panel width of every register width.</summary>
    public const int BlockPositions = 240;

    private readonly int _layerCount;
    private readonly int _headCount;
    private readonly int _headSize;
    private readonly int _panelWidth;
    private readonly int _blockPositions;
    private readonly List<NativeBlock> _blocks = [];
    private int _borrowedCount;

    /// <param name="config">The model's sizes.</param>
    /// <param name="kernels">Decides the layout.</param>
    /// <param name="layerCount">
    /// The model's layers, or 1 for a sequence that is computed in one pass, in which all layers use the same memory.
    /// </param>
    /// <param name="longest">The maximum number of positions that will be needed.</param>
    public KvCache(GptConfig config, KernelSet kernels, int layerCount, int longest)
    {
        _layerCount = layerCount;
        _headCount = config.KeyValueHeadCount;
        _headSize = config.HeadSize;
        _panelWidth = kernels.PanelWidth;
        _blockPositions = Math.Min(BlockPositions, (longest + _panelWidth - 1) / _panelWidth * _panelWidth);
        ValueStride = (_headSize + kernels.ValueWidth - 1) / kernels.ValueWidth * kernels.ValueWidth;
    }

    /// <summary>Numbers from one position's values to the next.</summary>
    public int ValueStride { get; }

    /// <summary>Bytes allocated so far, without borrowed ones.</summary>
    public long ByteCount => _blocks.Skip(_borrowedCount).Sum(block => block.Length);

    private long NumbersPerHead => (long)_blockPositions * (_headSize + ValueStride);

    /// <summary>Adds blocks until a number of positions fits.</summary>
    public void EnsureCapacity(int positions)
    {
        while ((long)_blocks.Count * BlockPositions < positions)
        {
            _blocks.Add(NativeBlock.Allocate(checked(4 * NumbersPerHead * _headCount * _layerCount), "a sequence's keys and values"));
        }
    }

    /// <summary>
    /// Uses the complete blocks of another sequence that begins with the same tokens, instead of copies. That cache must live longer, and
    /// this one must be empty.
    /// </summary>
    /// <param name="other">A cache of the same model and number of layers.</param>
    /// <param name="positions">The number of positions that both sequences have in common.</param>
    /// <returns>The number of positions that were borrowed; the others must be stored.</returns>
    public int Borrow(KvCache other, int positions)
    {
        for (; (_borrowedCount + 1) * BlockPositions <= positions; _borrowedCount++) _blocks.Add(other._blocks[_borrowedCount]);
        return _borrowedCount * BlockPositions;
    }

    /// <summary>The key panels of a head in a block, [panel][k][position].</summary>
    public float* Keys(int block, int layer, int head) =>
        (float*)_blocks[block].Pointer + (((Math.Min(layer, _layerCount - 1) * (long)_headCount) + head) * NumbersPerHead);

    /// <summary>The values of a head in a block, [position][<see cref="ValueStride"/>].</summary>
    public float* Values(int block, int layer, int head) => Keys(block, layer, head) + ((long)_blockPositions * _headSize);

    /// <summary>
    /// Stores keys and values of one head for consecutive positions; they are <paramref name="stride"/> numbers apart.
    /// </summary>
    public void Store(int position, int count, int layer, int head, float* keys, float* values, nint stride)
    {
        while (count > 0)
        {
            // As many as fit in the current panel of keys.
            int block = position / BlockPositions, inBlock = position % BlockPositions, column = inBlock % _panelWidth;
            int run = Math.Min(count, _panelWidth - column);
            float* panel = Keys(block, layer, head) + ((long)(inBlock / _panelWidth) * _headSize * _panelWidth) + column;
            for (int k = 0; k < _headSize; k++, panel += _panelWidth)
            {
                float* key = keys + k;
                for (int i = 0; i < run; i++, key += stride) panel[i] = *key;
            }

            float* rows = Values(block, layer, head) + ((long)inBlock * ValueStride);
            for (int i = 0; i < run; i++)
            {
                var target = new Span<float>(rows + ((long)i * ValueStride), _headSize);
                new ReadOnlySpan<float>(values + (i * stride), _headSize).CopyTo(target);
            }

            position += run;
            count -= run;
            keys += run * stride;
            values += run * stride;
        }
    }

    /// <summary>Copies the first positions of another cache of the same model.</summary>
    public void CopyFrom(KvCache other, int positions)
    {
        EnsureCapacity(positions);
        for (int block = 0; block * BlockPositions < positions; block++)
        {
            int count = Math.Min(BlockPositions, positions - (block * BlockPositions));
            long keyNumbers = (long)((count + _panelWidth - 1) / _panelWidth) * _panelWidth * _headSize;
            for (int layer = 0; layer < _layerCount; layer++)
            {
                for (int head = 0; head < _headCount; head++)
                {
                    Buffer.MemoryCopy(other.Keys(block, layer, head), Keys(block, layer, head), 4 * keyNumbers, 4 * keyNumbers);
                    long valueBytes = 4L * count * ValueStride;
                    Buffer.MemoryCopy(other.Values(block, layer, head), Values(block, layer, head), valueBytes, valueBytes);
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (var block in _blocks.Skip(_borrowedCount)) block.Dispose();
        _blocks.Clear();
    }
}
