using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// The output head and cross-entropy as one operation: logits z = h Wᵀ exist for a few rows at a time and are
/// overwritten by their gradients.
/// </summary>
/// <remarks>
/// With label smoothing α: loss = (1 − α) (ln Σ eᶻ − z of the target) + α (ln Σ eᶻ − mean of z), and dz = softmax(z) −
/// (1 − α) [target] − α / V. Smoothing works as in PyTorch's <c>cross_entropy</c>; Szegedy et al., "Rethinking the
/// Inception Architecture" (2016). If logits are capped, z = c tanh(h Wᵀ / c), and dz is multiplied by 1 − (z / c)².
/// </remarks>
internal static unsafe class HeadLoss
{
    /// <summary>The number of rows whose logits exist at the same time.</summary>
    public const int RowsPerChunk = 512;

    // Ids per pass of summing dh, so that a panel of their weights stays in the cache.
    private const int IdsPerPass = 3072;

    /// <summary>Returns the size of the scratch for the logits of some rows.</summary>
    public static long LogitsLengthOf(int rows, int vocabularySize) =>
        KernelSet.RoundUpToTiles((int)Math.Min((long)rows, RowsPerChunk)) * (long)StrideOf(vocabularySize);

    /// <summary>Computes the losses of all rows, and their gradients on request.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="hidden">The normalized residual stream h, (N, C).</param>
    /// <param name="head">W, (V, C).</param>
    /// <param name="cap">The cap of the logits.</param>
    /// <param name="targets">(N).</param>
    /// <param name="smoothing">α.</param>
    /// <param name="logits">Scratch of <see cref="LogitsLengthOf"/>.</param>
    /// <param name="losses">Receives the loss of each row.</param>
    /// <param name="gradients">The gradients to compute; <see langword="null"/> for losses only.</param>
    public static void Run(
        Compute compute, Matrix hidden, TrainedMatrix head, SoftCap cap, int[] targets, double smoothing, float* logits, double[] losses,
        HeadGradients? gradients)
    {
        int vocabularySize = head.Rows;
        for (int first = 0; first < hidden.Rows; first += RowsPerChunk)
        {
            int start = first, rows = Math.Min(RowsPerChunk, hidden.Rows - start);
            var chunk = hidden.Slice(start, rows);
            var z = new Matrix(logits, rows, vocabularySize, StrideOf(vocabularySize), spareRows: KernelSet.RoundUpToTiles(rows) - rows);
            head.Multiply(compute, chunk, quantized: null, new StoreSink(z));
            compute.ForEach(rows, row =>
                losses[start + row] = LossOf(z.Row(row), vocabularySize, cap, targets[start + row], smoothing, gradients?.Factor));
            if (gradients is not null) Backward(compute, z, chunk, head, gradients, start);
        }
    }

    private static void Backward(Compute compute, Matrix dz, Matrix hidden, TrainedMatrix head, HeadGradients gradients, int firstRow)
    {
        for (int id = 0; id < head.Rows && gradients.Hidden is { } all; id += IdsPerPass)
        {
            var dh = all.Slice(firstRow, dz.Rows);
            int ids = Math.Min(IdsPerPass, head.Rows - id);
            if (id == 0) head.BackwardInput(compute, dz.SliceColumns(id, ids), id, new StoreSink(dh));
            else head.BackwardInput(compute, dz.SliceColumns(id, ids), id, new AddSink(dh, null, dh));
        }

        head.BackwardParameters(compute, hidden, dz, gradients.Panels);
    }

    /// <summary>
    /// Returns the loss of a row of logits. With a factor, the logits are replaced by their gradients times the factor.
    /// </summary>
    public static double LossOf(float* z, int count, SoftCap cap, int target, double smoothing, float? factor)
    {
        float* capped = null;
        cap.Apply(z, count);
        if (cap.IsActive && factor is not null) Row.Copy(z, capped = ThreadScratch.Get(count), count);
        double targetLogit = z[target], mean = smoothing > 0 ? Mean(z, count) : 0;
        int padded = Softmax.Pad(z, count);
        float maximum = Softmax.Max(z, padded);
        double sum = Softmax.Exponentiate(z, padded, scale: 1, maximum), logSumExp = maximum + Math.Log(sum);
        if (factor is { } share)
        {
            // e^(z − maximum) → (softmax − smoothing / V) × share, then the target's part
            Row.Map(new Line((float)(share / sum), (float)(-smoothing / count * share)), z, z, count);
            z[target] -= (float)((1 - smoothing) * share);
            if (cap.IsActive) cap.Backward(capped, z, count);
        }

        return logSumExp - ((1 - smoothing) * targetLogit) - (smoothing * mean);
    }

    private static double Mean(float* values, int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i += Lanes.Count) sum += Lanes.Sum(Row.Load(values, i, count));
        return sum / count;
    }

    private static int StrideOf(int vocabularySize) => (vocabularySize + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    // slope × x + offset
    private readonly struct Line(float slope, float offset) : IMap
    {
        private readonly float _slope = slope, _offset = offset;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x) =>
            Vector512.MultiplyAddEstimate(x, Vector512.Create(_slope), Vector512.Create(_offset));
    }
}

/// <summary>The destinations of <see cref="HeadLoss"/>'s gradients.</summary>
/// <param name="factor">The weight of each row's loss in the loss that is differentiated.</param>
/// <param name="hidden">Receives the gradient of the hidden rows, (N, C); <see langword="null"/> if it is not needed.</param>
/// <param name="panels">Scratch of <see cref="BlockedProduct.PanelsLengthOf"/> for a chunk of hidden rows.</param>
internal sealed unsafe class HeadGradients(float factor, Matrix? hidden, float* panels)
{
    public float Factor => factor;

    public Matrix? Hidden => hidden;

    public float* Panels => panels;
}
