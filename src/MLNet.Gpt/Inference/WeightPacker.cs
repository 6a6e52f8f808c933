using System.Buffers;
using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Inference.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>Fills a model's weights, panel by panel on all threads, from a source or from weights of another precision.</summary>
internal static unsafe class WeightPacker
{
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
            WorkerTeam.Run(target.PanelCount, threadCount, panel =>
            {
                float[] rows = new float[target.PanelWidth * target.Depth];
                int first = panel * target.PanelWidth, count = Math.Min(target.PanelWidth, target.Outputs - first);
                fixed (float* start = rows)
                {
                    for (int row = 0; row < count; row++) source.CopyRow(first + row, start + ((long)row * target.Depth));
                    target.PackPanel(panel, start);
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

        WorkerTeam.Run(target.PanelCount, threadCount, panel =>
        {
            float[] rows = ArrayPool<float>.Shared.Rent(target.PanelWidth * depth);
            int first = panel * target.PanelWidth, end = Math.Min(first + target.PanelWidth, target.Outputs);
            for (int row = first; row < end;)
            {
                int part = row / partHeight, count = Math.Min(end, (part + 1) * partHeight) - row;
                source.Read(names[part], (long)(row - (part * partHeight)) * depth, rows.AsSpan((row - first) * depth, count * depth));
                row += count;
            }

            fixed (float* start = rows) target.PackPanel(panel, start);
            ArrayPool<float>.Shared.Return(rows);
        });
    }
}
