using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>What a feed-forward layer does between its first matrices and its last one, and its derivatives.</summary>
internal abstract class FeedForwardFunction
{
    private static readonly FeedForwardFunction Gelu = new Ungated<Gelu>(), GeluExact = new Ungated<GeluExact>();
    private static readonly FeedForwardFunction SwiGlu = new Gated<Silu>(), GeGlu = new Gated<Gelu>();

    /// <summary>Returns the function of a kind.</summary>
    public static FeedForwardFunction Of(FeedForwardKind kind) => kind switch
    {
        FeedForwardKind.Gelu => Gelu,
        FeedForwardKind.GeluExact => GeluExact,
        FeedForwardKind.SwiGlu => SwiGlu,
        FeedForwardKind.GeGlu => GeGlu,
        _ => throw Check.Undefined(kind, nameof(kind)),
    };

    /// <summary>Computes the input of the last matrix from the output of the norm, (N, C) -> (N, F).</summary>
    public abstract void Forward<TMatrix, TVector>(Compute compute, BlockWeights<TMatrix, TVector> weights, in BlockBuffers b)
        where TMatrix : class, IWeightMatrix
        where TVector : class, IWeightVector;

    /// <summary>
    /// Computes the same from what the forward pass has kept, and replaces that by the derivatives: of the last matrix's
    /// input by the activation's input, and by what the gate is multiplied by.
    /// </summary>
    public abstract void Differentiate(Compute compute, in BlockBuffers b);

    // f(up(x))
    private sealed class Ungated<TActivation> : FeedForwardFunction
        where TActivation : struct, IActivation
    {
        public override unsafe void Forward<TMatrix, TVector>(
            Compute compute, BlockWeights<TMatrix, TVector> weights, in BlockBuffers b) => weights.FeedForwardIn.Multiply(
                compute, b.Normalized, b.Quantized, new ActivationSink<TActivation>(b.Activated, weights.FeedForwardIn.Bias, b.Hidden));

        public override unsafe void Differentiate(Compute compute, in BlockBuffers b)
        {
            Matrix hidden = b.Hidden, activated = b.Activated;
            compute.ForEachRow(
                hidden.Rows, row => Activation<TActivation>.Differentiate(hidden.Row(row), activated.Row(row), hidden.Columns));
        }
    }

    // f(gate(x)) × up(x)
    private sealed class Gated<TActivation> : FeedForwardFunction
        where TActivation : struct, IActivation
    {
        public override unsafe void Forward<TMatrix, TVector>(
            Compute compute, BlockWeights<TMatrix, TVector> weights, in BlockBuffers b)
        {
            TMatrix up = weights.FeedForwardIn, gate = weights.FeedForwardGate!;
            up.Multiply(compute, b.Normalized, b.Quantized, new StoreSink(b.Gated, up.Bias));
            gate.Multiply(compute, b.Normalized, b.Quantized, new GateSink<TActivation>(b.Gated, b.Activated, gate.Bias, b.Hidden));
        }

        public override unsafe void Differentiate(Compute compute, in BlockBuffers b)
        {
            Matrix hidden = b.Hidden, gated = b.Gated, activated = b.Activated;
            compute.ForEachRow(hidden.Rows, row =>
                Activation<TActivation>.DifferentiateGate(hidden.Row(row), gated.Row(row), activated.Row(row), hidden.Columns));
        }
    }
}
