using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>How tokens attend to one another: to all preceding tokens in a window, or to a cache.</summary>
internal interface IAttention
{
    /// <summary>(N, 3 C) -> (N, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="projected">Queries, keys and values, (N, 3 C); readable up to 7 rows past the last.</param>
    /// <param name="attended">Receives the output, (N, C).</param>
    void Run(Compute compute, Matrix projected, Matrix attended);
}

/// <summary>Attention of whole windows, as in training.</summary>
/// <param name="shape">The sizes.</param>
/// <param name="logSumExp">Receives ln Σ e^score of each query for the backward pass, (B, nh, T).</param>
/// <param name="dropout">On the weights.</param>
internal readonly unsafe struct WindowAttention(AttentionShape shape, float* logSumExp, Dropout dropout) : IAttention
{
    public void Run(Compute compute, Matrix projected, Matrix attended) =>
        Attention.Forward(compute, shape, projected, attended, logSumExp, dropout);
}

/// <summary>
/// The buffers of a decoder block, with N rows each. Training keeps more of them than inference does.
/// </summary>
internal readonly unsafe ref struct BlockBuffers
{
    /// <summary>The residual stream before the block, (N, C).</summary>
    public required Matrix Input { get; init; }

    /// <summary>The residual stream in the middle of the block, (N, C); may be the input.</summary>
    public required Matrix Middle { get; init; }

    /// <summary>The residual stream after the block, (N, C); may be the input.</summary>
    public required Matrix Output { get; init; }

    /// <summary>The output of a norm, (N, C).</summary>
    public required Matrix Normalized { get; init; }

    /// <summary>Queries, keys and values, (N, 3 C).</summary>
    public required Matrix Projected { get; init; }

    /// <summary>The output of attention, (N, C).</summary>
    public required Matrix Attended { get; init; }

    /// <summary>The output of GELU, (N, 4 C).</summary>
    public required Matrix Activated { get; init; }

    /// <summary>The input of GELU, (N, 4 C), if it is kept.</summary>
    public Matrix Hidden { get; init; }

    /// <summary>What is added to the residual stream, (N, C); only needed for dropout.</summary>
    public Matrix Branch { get; init; }

    /// <summary>Mean and inverse standard deviation of each row at the first norm, if they are kept.</summary>
    public float* AttentionStatistics { get; init; }

    /// <summary>Mean and inverse standard deviation of each row at the second norm, if they are kept.</summary>
    public float* FeedForwardStatistics { get; init; }

    /// <summary>Room for the inputs of a product as bytes, if matrices are stored as bytes.</summary>
    public byte* Quantized { get; init; }
}

/// <summary>
/// A decoder block: x₂ = x₁ + dropout(attention(norm(x₁))), x₃ = x₂ + dropout(feedForward(norm(x₂))), and its backward pass.
/// </summary>
internal static unsafe class DecoderBlock
{
    /// <summary>Computes the residual stream after a block from that before it, for inference and training.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="weights">The block's weights.</param>
    /// <param name="b">The buffers.</param>
    /// <param name="attention">How tokens attend to one another.</param>
    /// <param name="attentionDropout">On what attention adds to the residual stream.</param>
    /// <param name="feedForwardDropout">On what the feed-forward layer adds to it.</param>
    [MethodImpl(MethodImplOptions.NoInlining)] // the profile benchmark recognizes a block's products by this caller
    public static void Forward<TMatrix, TVector, TAttention>(
        Compute compute, BlockWeights<TMatrix, TVector> weights, in BlockBuffers b, TAttention attention,
        Dropout attentionDropout, Dropout feedForwardDropout)
        where TMatrix : IWeightMatrix
        where TVector : IWeightVector
        where TAttention : IAttention
    {
        LayerNorm.Forward(
            compute, b.Input, weights.AttentionNormScale.Pointer, weights.AttentionNormShift.Pointer, b.Normalized, b.AttentionStatistics);
        weights.QueryKeyValue.Multiply(
            compute, b.Normalized, b.Quantized, new StoreSink(b.Projected, weights.QueryKeyValue.Bias)); // (N, C) -> (N, 3 C)
        attention.Run(compute, b.Projected, b.Attended); // (N, 3 C) -> (N, C)
        AddBranch(compute, weights.AttentionOutput, b.Attended, b.Input, b.Middle, b, attentionDropout);

        LayerNorm.Forward(
            compute, b.Middle, weights.FeedForwardNormScale.Pointer, weights.FeedForwardNormShift.Pointer, b.Normalized,
            b.FeedForwardStatistics);
        weights.FeedForwardIn.Multiply(
            compute, b.Normalized, b.Quantized, new GeluSink(b.Activated, weights.FeedForwardIn.Bias, b.Hidden)); // (N, C) -> (N, 4 C)
        AddBranch(compute, weights.FeedForwardOut, b.Activated, b.Middle, b.Output, b, feedForwardDropout); // (N, 4 C) -> (N, C)
    }

    /// <summary>
    /// Computes the gradient of the residual stream before a layer from that after it, in place, and adds to the
    /// weights' gradients.
    /// </summary>
    public static void Backward(
        Compute compute, BlockWeights<TrainedMatrix, TrainedVector> w, Activations a, AttentionShape shape, int layer,
        DropoutStream dropout)
    {
        int rows = shape.BatchSize * shape.Tokens;
        Matrix x1 = a.Residual(layer, rows), x2 = a.Middle(layer, rows), gradient = a.Gradient(rows), branch = a.Branch(rows);
        Matrix projected = a.Projected(layer, rows), attended = a.Attended(layer, rows), hidden = a.Hidden(layer, rows);
        Matrix normalized = a.Normalized(rows), activated = a.Activated(rows);
        Matrix hiddenGradient = a.HiddenGradient(rows), projectedGradient = a.ProjectedGradient(rows);
        float* statistics1 = a.Statistics(2 * layer), statistics2 = a.Statistics((2 * layer) + 1);

        // The feed-forward half
        var dy = BranchGradient(compute, gradient, dropout.FeedForwardBranch(layer), branch);
        compute.ForEachRow(rows, row => Gelu.Forward(hidden.Row(row), activated.Row(row), hidden.Columns));
        BackwardParameters(activated, dy, w.FeedForwardOut);
        Linear.BackwardInput(compute, dy, w.FeedForwardOut.Weight, new GeluGradientSink(hidden, hiddenGradient)); // (N, C) -> (N, 4 C)
        LayerNorm.Recompute(compute, x2, w.FeedForwardNormScale.Pointer, w.FeedForwardNormShift.Pointer, normalized, statistics2);
        BackwardParameters(normalized, hiddenGradient, w.FeedForwardIn);
        Linear.BackwardInput(compute, hiddenGradient, w.FeedForwardIn.Weight, new StoreSink(branch)); // (N, 4 C) -> (N, C)
        LayerNorm.Backward(
            compute, x2, statistics2, w.FeedForwardNormScale.Pointer, branch, gradient, w.FeedForwardNormScale.Gradient,
            w.FeedForwardNormShift.Gradient, a.Parts);

        // The attention half
        dy = BranchGradient(compute, gradient, dropout.AttentionBranch(layer), branch);
        BackwardParameters(attended, dy, w.AttentionOutput);
        Linear.BackwardInput(compute, dy, w.AttentionOutput.Weight, new StoreSink(normalized));
        Attention.Backward( // (N, C) -> (N, 3 C)
            compute, shape, projected, attended, a.LogSumExp(layer), dropout.AttentionWeights(layer), normalized, projectedGradient);
        LayerNorm.Recompute(compute, x1, w.AttentionNormScale.Pointer, w.AttentionNormShift.Pointer, normalized, statistics1);
        BackwardParameters(normalized, projectedGradient, w.QueryKeyValue);
        Linear.BackwardInput(compute, projectedGradient, w.QueryKeyValue.Weight, new StoreSink(branch)); // (N, 3 C) -> (N, C)
        LayerNorm.Backward(
            compute, x1, statistics1, w.AttentionNormScale.Pointer, branch, gradient, w.AttentionNormScale.Gradient,
            w.AttentionNormShift.Gradient, a.Parts);

        void BackwardParameters(Matrix x, Matrix dy, TrainedMatrix matrix) =>
            Linear.BackwardParameters(compute, x, dy, matrix.WeightGradient, matrix.BiasGradient, a.Panels);
    }

    // y = x + dropout(input · matrixᵀ + bias); without dropout, the sums are added as the product computes them.
    private static void AddBranch<TMatrix>(
        Compute compute, TMatrix matrix, Matrix input, Matrix x, Matrix y, in BlockBuffers b, Dropout dropout)
        where TMatrix : IWeightMatrix
    {
        if (!dropout.IsActive)
        {
            matrix.Multiply(compute, input, b.Quantized, new AddSink(x, matrix.Bias, y));
            return;
        }

        var branch = b.Branch;
        matrix.Multiply(compute, input, b.Quantized, new StoreSink(branch, matrix.Bias));
        compute.ForEachRow(x.Rows, row => dropout.ApplyAndAdd(branch.Row(row), x.Row(row), y.Row(row), x.Columns, row));
    }

    // Returns the gradient of the branch before dropout: the residual stream's own gradient if nothing was dropped.
    private static Matrix BranchGradient(Compute compute, Matrix gradient, Dropout dropout, Matrix scratch)
    {
        if (!dropout.IsActive) return gradient;
        compute.ForEachRow(gradient.Rows, row => dropout.Apply(gradient.Row(row), scratch.Row(row), gradient.Columns, row));
        return scratch;
    }
}
