using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Training.Engines;

/// <summary>AdamW over flat memory, all threads at once, each number read and written once.</summary>
/// <remarks>
/// w ← w (1 − η λ); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; w ← w − (η / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε);
/// then g ← 0. Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), with the operations in
/// the order of PyTorch's <c>torch.optim.AdamW</c>.
/// </remarks>
internal sealed unsafe class AdamW
{
    // Numbers of one piece of work; fixed, so that the norm's sums have one order.
    private const int PieceLength = 1 << 15;

    private readonly Parameters _parameters;
    private readonly ManagedEngineOptions _options;
    private readonly Piece[] _pieces;
    private readonly double[] _squares;

    public AdamW(Parameters parameters, ManagedEngineOptions options)
    {
        (_parameters, _options) = (parameters, options);
        _pieces = [.. parameters.Slots.SelectMany(PiecesOf)];
        _squares = new double[_pieces.Length];
    }

    /// <summary>Steps done.</summary>
    public long Step { get; set; }

    /// <summary>The norm of the gradients of all weights that are not frozen.</summary>
    public double GradientNorm(Compute compute)
    {
        compute.ForEach(_pieces.Length, i => _squares[i] = _pieces[i].IsFrozen ? 0 : SumOfSquares(_parameters.Gradients + _pieces[i].Offset, _pieces[i].Length));
        return Math.Sqrt(_squares.Sum());
    }

    /// <summary>One step; the gradients, multiplied with a factor as they are read, are 0 afterwards.</summary>
    public void Update(Compute compute, double learningRate, double gradientFactor)
    {
        Step++;
        double correction1 = 1 - Math.Pow(_options.Beta1, Step), correction2 = 1 - Math.Pow(_options.Beta2, Step);
        var decayed = new Factors(learningRate, _options, correction1, correction2, gradientFactor, _options.WeightDecay);
        var undecayed = new Factors(learningRate, _options, correction1, correction2, gradientFactor, 0);
        compute.ForRanges(_pieces.Length, (first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                var piece = _pieces[i];
                if (piece.IsFrozen) Row.Clear(_parameters.Gradients + piece.Offset, piece.Length);
                else Update(piece, piece.Decays ? decayed : undecayed);
            }
        });
    }

    /// <summary>Sets the gradients to 0, or multiplies them with a factor.</summary>
    public void ScaleGradients(Compute compute, float factor) => compute.ForEach(_pieces.Length, i =>
    {
        float* gradients = _parameters.Gradients + _pieces[i].Offset;
        if (factor == 0) Row.Clear(gradients, _pieces[i].Length);
        else Row.Scale(gradients, factor, gradients, _pieces[i].Length);
    });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Update(Piece piece, in Factors factors)
    {
        float* weights = _parameters.Values + piece.Offset;
        float* gradients = _parameters.Gradients + piece.Offset;
        float* first = _parameters.FirstMoments + piece.Offset;
        float* second = _parameters.SecondMoments + piece.Offset;
        Vector512<float> gradientFactor = Vector512.Create(factors.Gradient), keep = Vector512.Create(factors.Keep);
        Vector512<float> new1 = Vector512.Create(factors.New1), beta2 = Vector512.Create(factors.Beta2), new2 = Vector512.Create(factors.New2);
        Vector512<float> rootCorrection = Vector512.Create(factors.RootOfCorrection2), epsilon = Vector512.Create(factors.Epsilon);
        var minusStep = Vector512.Create(-factors.StepSize);
        for (int i = 0; i < piece.Length; i += Lanes.Count)
        {
            var gradient = Row.Load(gradients, i, piece.Length) * gradientFactor;
            var m = Row.Load(first, i, piece.Length);
            m = Vector512.MultiplyAddEstimate(new1, gradient - m, m);
            var v = Vector512.MultiplyAddEstimate(new2 * gradient, gradient, Row.Load(second, i, piece.Length) * beta2);
            var denominator = (Vector512.Sqrt(v) / rootCorrection) + epsilon;
            var weight = Vector512.MultiplyAddEstimate(minusStep, m / denominator, Row.Load(weights, i, piece.Length) * keep);
            Row.Store(m, first, i, piece.Length);
            Row.Store(v, second, i, piece.Length);
            Row.Store(weight, weights, i, piece.Length);
            Row.Store(Vector512<float>.Zero, gradients, i, piece.Length);
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

    private IEnumerable<Piece> PiecesOf(ParameterSlot slot)
    {
        bool decays = slot.IsMatrix || !_options.DecaysMatricesOnly;
        for (long start = 0; start < slot.Length; start += PieceLength)
        {
            yield return new(slot.Offset + start, (int)Math.Min(PieceLength, slot.Length - start), decays, slot.IsFrozen);
        }
    }

    private readonly record struct Piece(long Offset, int Length, bool Decays, bool IsFrozen);

    /// <summary>The step's numbers, computed in double precision and rounded once.</summary>
    private readonly struct Factors(
        double learningRate, ManagedEngineOptions options, double correction1, double correction2, double gradientFactor, double weightDecay)
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
