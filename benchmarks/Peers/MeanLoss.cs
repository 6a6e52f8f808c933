using System.Buffers;
using System.Numerics.Tensors;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>The mean cross-entropy from logits, on all cores, for libraries that compute no loss themselves.</summary>
internal static class MeanLoss
{
    public delegate ReadOnlySpan<float> LogitsOf(int row);

    public static double Of(ReadOnlySpan<int> targets, LogitsOf logitsOf)
    {
        int[] ids = targets.ToArray();
        double[] losses = new double[ids.Length];
        Parallel.For(0, ids.Length, new() { MaxDegreeOfParallelism = Environment.ProcessorCount }, row =>
        {
            var logits = logitsOf(row);
            float[] rented = ArrayPool<float>.Shared.Rent(logits.Length);
            var exponentials = rented.AsSpan(0, logits.Length);
            float maximum = TensorPrimitives.Max(logits);
            TensorPrimitives.Subtract(logits, maximum, exponentials);
            TensorPrimitives.Exp(exponentials, exponentials);
            losses[row] = maximum + Math.Log(TensorPrimitives.Sum(exponentials)) - logits[ids[row]];
            ArrayPool<float>.Shared.Return(rented);
        });
        return losses.Average();
    }
}
