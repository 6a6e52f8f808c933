using MLNet.Gpt.Network;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Adapters with random numbers.</summary>
internal static class LoraAdapters
{
    /// <summary>Returns an adapter of every linear layer that the options target, with an update about as large as the weights.</summary>
    public static LoraAdapter Random(GptConfig config, LoraOptions options, int seed)
    {
        var random = new Random(seed);
        return new(config, [.. LoraTargets.Of(config, options).Select(entry => new LoraMatrix(
            entry.Name, options.Rank, options.Scale, Draw(options.Rank * entry.Shape[1], 1 / Math.Sqrt(entry.Shape[1])),
            Draw(entry.Shape[0] * options.Rank, 0.3)))]);

        float[] Draw(int count, double width) =>
            [.. Enumerable.Range(0, count).Select(_ => (float)(width * ((2 * random.NextDouble()) - 1)))];
    }

    /// <summary>Returns the same adapter with B = 0.</summary>
    public static LoraAdapter Zero(LoraAdapter adapter) => new(adapter.Config, [.. adapter.Matrices.Select(matrix => new LoraMatrix(
        matrix.Target, matrix.Rank, matrix.Scale, matrix.A.ToArray(), new float[matrix.B.Length]))]);
}
