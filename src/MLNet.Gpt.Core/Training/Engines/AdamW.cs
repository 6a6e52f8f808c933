using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Training.Engines;

/// <summary>AdamW over flat memory on all threads; each number is read and written once.</summary>
/// <remarks>
/// w ← w (1 − η λ); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; w ← w − (η / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε);
/// then g ← 0. Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), with the operations in
/// the order of PyTorch's <c>torch.optim.AdamW</c>.
/// </remarks>
internal sealed unsafe class AdamW
{
    // Numbers per work item; fixed, so that the norm's sums have a fixed order.
    private const int ChunkLength = 1 << 15;

    private readonly Parameters _parameters;
    private readonly ManagedEngineOptions _options;
    private readonly Chunk[] _chunks;
    private readonly double[] _squares;

    public AdamW(Parameters parameters, ManagedEngineOptions options)
    {
        (_parameters, _options) = (parameters, options);
        _chunks = [.. parameters.Slots.Where(slot => !slot.IsFrozen).SelectMany(ChunksOf)];
        _squares = new double[_chunks.Length];
    }

    /// <summary>Steps taken.</summary>
    public long Step { get; set; }

    /// <summary>Returns the norm of the gradients of all weights that are not frozen.</summary>
    public double GradientNorm(Compute compute)
    {
        compute.ForEach(
            _chunks.Length,
            i => _squares[i] = SumOfSquares(_parameters.Gradients + _chunks[i].StateOffset, _chunks[i].Length));
        return Math.Sqrt(_squares.Sum());
    }

    /// <summary>Takes one step; the gradients, multiplied by a factor as they are read, are 0 afterwards.</summary>
    public void Update(Compute compute, double learningRate, double gradientFactor)
    {
        Step++;
        double correction1 = 1 - Math.Pow(_options.Beta1, Step), correction2 = 1 - Math.Pow(_options.Beta2, Step);
        var decayed = new Factors(learningRate, _options, correction1, correction2, gradientFactor, _options.WeightDecay);
        var undecayed = new Factors(learningRate, _options, correction1, correction2, gradientFactor, 0);
        compute.ForRanges(_chunks.Length, (first, end) =>
        {
            for (int i = first; i < end; i++) Update(_chunks[i], _chunks[i].Decays ? decayed : undecayed);
        });
    }

    /// <summary>Sets the gradients to 0, or multiplies them by a factor.</summary>
    public void ScaleGradients(Compute compute, float factor) => compute.ForEach(_chunks.Length, i =>
    {
        float* gradients = _parameters.Gradients + _chunks[i].StateOffset;
        if (factor == 0) Row.Clear(gradients, _chunks[i].Length);
        else Row.Scale(gradients, factor, gradients, _chunks[i].Length);
    });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Update(Chunk chunk, in Factors factors)
    {
        float* weights = _parameters.Values + chunk.Offset;
        float* gradients = _parameters.Gradients + chunk.StateOffset;
        float* first = _parameters.FirstMoments + chunk.StateOffset;
        float* second = _parameters.SecondMoments + chunk.StateOffset;
        Vector512<float> gradientFactor = Vector512.Create(factors.Gradient), keep = Vector512.Create(factors.Keep);
        var new1 = Vector512.Create(factors.New1);
        Vector512<float> beta2 = Vector512.Create(factors.Beta2), new2 = Vector512.Create(factors.New2);
        Vector512<float> rootCorrection = Vector512.Create(factors.RootOfCorrection2), epsilon = Vector512.Create(factors.Epsilon);
        var minusStep = Vector512.Create(-factors.StepSize);
        for (int i = 0; i < chunk.Length; i += Lanes.Count)
        {
            var gradient = Row.Load(gradients, i, chunk.Length) * gradientFactor;
            var m = Row.Load(first, i, chunk.Length);
            m = Vector512.MultiplyAddEstimate(new1, gradient - m, m);
            var v = Vector512.MultiplyAddEstimate(new2 * gradient, gradient, Row.Load(second, i, chunk.Length) * beta2);
            var denominator = (Vector512.Sqrt(v) / rootCorrection) + epsilon;
            var weight = Vector512.MultiplyAddEstimate(minusStep, m / denominator, Row.Load(weights, i, chunk.Length) * keep);
            Row.Store(m, first, i, chunk.Length);
            Row.Store(v, second, i, chunk.Length);
            Row.Store(weight, weights, i, chunk.Length);
            Row.Store(Vector512<float>.Zero, gradients, i, chunk.Length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double SumOfSquares(float* values, int count)
    {
        Vector512<float> even = default, odd = default;
        for (int i = 0; i < count; i += 2 * Lanes.Count)
        {
            var value = Row.Load(values, i, count);
            even = Vector512.MultiplyAddEstimate(value, value, even);
            if (i + Lanes.Count >= count) break;
            value = Row.Load(values, i + Lanes.Count, count);
            odd = Vector512.MultiplyAddEstimate(value, value, odd);
        }

        return (double)Lanes.Sum(even) + Lanes.Sum(odd);
    }

    private IEnumerable<Chunk> ChunksOf(ParameterSlot slot)
    {
        bool decays = slot.IsMatrix || !_options.DecaysMatricesOnly;
        for (long start = 0; start < slot.Length; start += ChunkLength)
        {
            yield return new(slot.Offset + start, slot.StateOffset + start, (int)Math.Min(ChunkLength, slot.Length - start), decays);
        }
    }

    private readonly record struct Chunk(long Offset, long StateOffset, int Length, bool Decays);

    /// <summary>The step's numbers, computed in double precision and rounded once.</summary>
    private readonly struct Factors(
        double learningRate, ManagedEngineOptions options, double correction1, double correction2, double gradientFactor,
        double weightDecay)
    {
        public readonly float Gradient = (float)gradientFactor;
        public readonly float Keep = (float)(1 - (learningRate * weightDecay));
        public readonly float New1 = (float)(1 - options.Beta1);
        public readonly float Beta2 = (float)options.Beta2;
        public readonly float New2 = (float)(1 - options.Beta2);
        public readonly float RootOfCorrection2 = (float)Math.Sqrt(correction2);
        public readonly float Epsilon = (float)options.Epsilon;
        public readonly float StepSize = (float)(learningRate / correction1);
    }
}
