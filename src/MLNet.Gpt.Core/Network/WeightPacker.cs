using System.Buffers;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Network;

/// <summary>Fills a model's weights, panel by panel on all threads, from a source or from weights of another precision.</summary>
internal static unsafe class WeightPacker
{
    // A source may lie across the panels, as files of (in, out) do: several panels at a time make for longer runs of it.
    private const int MostPanelsPerRead = 4;

    /// <summary>Reads every weight of a source once.</summary>
    public static void Pack(IWeightSource source, ModelWeights weights, int threadCount)
    {
        var config = weights.Config;
        ReadVector(source, WeightNames.PositionEmbedding, weights.PositionEmbedding);
        ReadVector(source, WeightNames.FinalNormScale, weights.FinalNormScale);
        ReadVector(source, WeightNames.FinalNormShift, weights.FinalNormShift);
        PackMatrix(source, weights.TokenEmbedding, [WeightNames.TokenEmbedding], [], threadCount);
        if (!config.HasTiedHead) PackMatrix(source, weights.Head, [WeightNames.Head], [], threadCount);
        foreach (var block in weights.Blocks)
        {
            int layer = block.Layer;
            ReadVector(source, WeightNames.AttentionNormScale(layer), block.AttentionNormScale);
            ReadVector(source, WeightNames.AttentionNormShift(layer), block.AttentionNormShift);
            ReadVector(source, WeightNames.FeedForwardNormScale(layer), block.FeedForwardNormScale);
            ReadVector(source, WeightNames.FeedForwardNormShift(layer), block.FeedForwardNormShift);
            PackMatrix(
                source,
                block.QueryKeyValue,
                [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)],
                config.HasQkvBias ? [WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)] : [],
                threadCount);
            PackMatrix(source, block.AttentionOutput, [WeightNames.AttentionOutput(layer)], [WeightNames.AttentionOutputBias(layer)], threadCount);
            PackMatrix(source, block.FeedForwardIn, [WeightNames.FeedForwardIn(layer)], [WeightNames.FeedForwardInBias(layer)], threadCount);
            PackMatrix(source, block.FeedForwardOut, [WeightNames.FeedForwardOut(layer)], [WeightNames.FeedForwardOutBias(layer)], threadCount);
        }
    }

    /// <summary>Packs anew what another model holds, rounding to this model's precision.</summary>
    public static void Repack(ModelWeights from, ModelWeights to, int threadCount)
    {
        foreach (var (source, target) in from.Vectors.Zip(to.Vectors))
        {
            new ReadOnlySpan<float>(source.Pointer, source.Length).CopyTo(new Span<float>(target.Pointer, target.Length));
        }

        foreach (var (source, target) in from.Matrices.Zip(to.Matrices))
        {
            new ReadOnlySpan<float>(source.Bias, source.Outputs).CopyTo(new Span<float>(target.Bias, target.Outputs));
            PackPanels(target, panelsPerRead: 1, threadCount, (first, end, rows) =>
            {
                fixed (float* start = rows)
                {
                    for (int row = first; row < end; row++) source.CopyRow(row, start + ((long)(row - first) * target.Depth));
                }
            });
        }
    }

    private static void ReadVector(IWeightSource source, string name, PackedVector target) =>
        source.Read(name, 0, new Span<float>(target.Pointer, target.Length));

    // Several weights of equal height may lie one below the other in a matrix; a panel can then reach from one into the next.
    private static void PackMatrix(IWeightSource source, PackedMatrix target, string[] names, string[] biasNames, int threadCount)
    {
        int partHeight = target.Outputs / names.Length, depth = target.Depth;
        for (int part = 0; part < biasNames.Length; part++)
        {
            source.Read(biasNames[part], 0, new Span<float>(target.Bias + (part * partHeight), partHeight));
        }

        int panelsPerRead = Math.Clamp(target.PanelCount / (2 * threadCount), 1, MostPanelsPerRead);
        PackPanels(target, panelsPerRead, threadCount, (first, end, rows) =>
        {
            for (int row = first; row < end;)
            {
                int part = row / partHeight, count = Math.Min(end, (part + 1) * partHeight) - row;
                source.Read(names[part], (long)(row - (part * partHeight)) * depth, rows.AsSpan((row - first) * depth, count * depth));
                row += count;
            }
        });
    }

    // readRows fills an array with the rows from first to before end.
    private static void PackPanels(PackedMatrix target, int panelsPerRead, int threadCount, Action<int, int, float[]> readRows)
    {
        int reads = (target.PanelCount + panelsPerRead - 1) / panelsPerRead;
        WorkerTeam.Run(reads, threadCount, read =>
        {
            int firstPanel = read * panelsPerRead, endPanel = Math.Min(firstPanel + panelsPerRead, target.PanelCount);
            int first = firstPanel * target.PanelWidth, end = Math.Min(endPanel * target.PanelWidth, target.Outputs);
            float[] rows = ArrayPool<float>.Shared.Rent(checked((endPanel - firstPanel) * target.PanelWidth * target.Depth));
            try
            {
                readRows(first, end, rows);
                fixed (float* start = rows)
                {
                    for (int panel = firstPanel; panel < endPanel; panel++)
                    {
                        target.PackPanel(panel, start + ((long)(panel - firstPanel) * target.PanelWidth * target.Depth));
                    }
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(rows);
            }
        });
    }
}
