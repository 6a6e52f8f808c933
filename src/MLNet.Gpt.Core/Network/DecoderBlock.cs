using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>How tokens attend to one another: to all preceding tokens of their sequence, or to a cache.</summary>
internal interface IAttention
{
    /// <summary>(N, (nh + 2 nkv) hs) -> (N, nh hs).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="projected">Queries, keys and values, (N, (nh + 2 nkv) hs); readable up to 7 rows past the last.</param>
    /// <param name="attended">Receives the output, (N, nh hs).</param>
    void Run(Compute compute, Matrix projected, Matrix attended);
}

/// <summary>Attention of whole sequences, as in training.</summary>
/// <param name="shape">The sizes.</param>
/// <param name="starts">The first row of each sequence, and N at the end.</param>
/// <param name="logSumExp">Receives ln Σ e^score of each query for the backward pass.</param>
/// <param name="dropout">On the weights.</param>
internal readonly unsafe struct SequenceAttention(AttentionShape shape, int[] starts, float* logSumExp, Dropout dropout) : IAttention
{
    public void Run(Compute compute, Matrix projected, Matrix attended) =>
        Attention.Forward(compute, shape, starts, projected, attended, logSumExp, dropout);
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

    /// <summary>Queries, keys and values, (N, (nh + 2 nkv) hs).</summary>
    public required Matrix Projected { get; init; }

    /// <summary>The same after norms of heads and rotation; may be <see cref="Projected"/>.</summary>
    public required Matrix Rotated { get; init; }

    /// <summary>The output of attention, (N, nh hs).</summary>
    public required Matrix Attended { get; init; }

    /// <summary>The input of the last feed-forward matrix, (N, F).</summary>
    public required Matrix Activated { get; init; }

    /// <summary>What is multiplied by the gate, (N, F); may be <see cref="Activated"/>.</summary>
    public required Matrix Gated { get; init; }

    /// <summary>The input of the activation, (N, F), if it is kept.</summary>
    public Matrix Hidden { get; init; }

    /// <summary>
    /// What attention adds to the residual stream, (N, C), before the norm that may follow; only needed for such a norm or
    /// dropout.
    /// </summary>
    public Matrix AttentionBranch { get; init; }

    /// <summary>The same of the feed-forward layer; may be <see cref="AttentionBranch"/>.</summary>
    public Matrix FeedForwardBranch { get; init; }

    /// <summary>Mean and inverse standard deviation of each row at each norm of the block, if they are kept.</summary>
    public BlockStatistics Statistics { get; init; }

    /// <summary>Room for the inputs of a product as bytes, if matrices are stored as bytes.</summary>
    public byte* Quantized { get; init; }
}

/// <summary>Mean and inverse standard deviation of each row at the norms of a block; <see langword="null"/> if they are not kept.</summary>
internal readonly unsafe struct BlockStatistics(float* first, long length)
{
    /// <summary>Norms of a block for which there is room.</summary>
    public const int Count = 4;

    /// <summary>Before attention.</summary>
    public float* Attention => first;

    /// <summary>Before the feed-forward layer.</summary>
    public float* FeedForward => At(1);

    /// <summary>After attention.</summary>
    public float* AttentionPost => At(2);

    /// <summary>After the feed-forward layer.</summary>
    public float* FeedForwardPost => At(3);

    private float* At(int norm) => first is null ? null : first + (norm * length);
}

/// <summary>
/// A decoder block: x₂ = x₁ + dropout(attention(norm(x₁))), x₃ = x₂ + dropout(feedForward(norm(x₂))), and its backward pass.
/// In some decoders, what is added is normalized as well.
/// </summary>
internal static unsafe class DecoderBlock
{
    /// <summary>Computes the residual stream after a block from that before it, for inference and training.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="function">What the feed-forward layer does between its matrices.</param>
    /// <param name="weights">The block's weights.</param>
    /// <param name="b">The buffers.</param>
    /// <param name="rotary">What happens to queries and keys before attention.</param>
    /// <param name="attention">How tokens attend to one another.</param>
    /// <param name="attentionDropout">On what attention adds to the residual stream.</param>
    /// <param name="feedForwardDropout">On what the feed-forward layer adds to it.</param>
    [MethodImpl(MethodImplOptions.NoInlining)] // the profile benchmark recognizes a block's products by this caller
    public static void Forward<TMatrix, TVector, TAttention>(
        Compute compute, FeedForwardFunction function, BlockWeights<TMatrix, TVector> weights, in BlockBuffers b, Rotary rotary,
        TAttention attention, Dropout attentionDropout, Dropout feedForwardDropout)
        where TMatrix : class, IWeightMatrix
        where TVector : class, IWeightVector
        where TAttention : IAttention
    {
        weights.AttentionNorm.Kernel.Forward(compute, b.Input, b.Normalized, b.Statistics.Attention);
        weights.QueryKeyValue.Multiply( // (N, C) -> (N, (nh + 2 nkv) hs)
            compute, b.Normalized, b.Quantized, new StoreSink(b.Projected, weights.QueryKeyValue.Bias));
        if (rotary.IsActive) rotary.Forward(compute, b.Projected, b.Rotated);
        attention.Run(compute, rotary.IsActive ? b.Rotated : b.Projected, b.Attended); // -> (N, nh hs)
        AddBranch( // (N, nh hs) -> (N, C)
            compute, weights.AttentionOutput, b.Attended, weights.AttentionPostNorm, b.Statistics.AttentionPost, b.AttentionBranch, b.Input,
            b.Middle, b.Quantized, attentionDropout);

        weights.FeedForwardNorm.Kernel.Forward(compute, b.Middle, b.Normalized, b.Statistics.FeedForward);
        function.Forward(compute, weights, b); // (N, C) -> (N, F)
        AddBranch( // (N, F) -> (N, C)
            compute, weights.FeedForwardOut, b.Activated, weights.FeedForwardPostNorm, b.Statistics.FeedForwardPost, b.FeedForwardBranch,
            b.Middle, b.Output, b.Quantized, feedForwardDropout);
    }

    /// <summary>
    /// Computes the gradient of the residual stream before a layer from that after it, in place, and adds to the
    /// weights' gradients. At the lowest layer with trained weights, it ends with them.
    /// </summary>
    public static void Backward(
        Compute compute, FeedForwardFunction function, BlockWeights<TrainedMatrix, TrainedVector> w, Activations a, Rotary rotary,
        AttentionShape shape, int[] starts, int layer, DropoutStream dropout, BackwardDepth depth)
    {
        int rows = starts[^1];
        var b = a.BuffersOf(layer, rows);
        Matrix gradient = a.Gradient(rows), branch = a.Branch(rows), normalized = b.Normalized;
        Matrix attendedGradient = a.AttendedGradient(rows), projectedGradient = a.ProjectedGradient(rows);

        // The feed-forward half; the gradients of hidden and gated replace their derivatives.
        var dy = BranchGradient(
            compute, gradient, dropout.FeedForwardBranch(layer), w.FeedForwardPostNorm, b.FeedForwardBranch, b.Statistics.FeedForwardPost,
            branch, a);
        function.Differentiate(compute, b);
        BackwardParameters(b.Activated, dy, w.FeedForwardOut);
        w.FeedForwardOut.BackwardInput(compute, dy, new MultiplySink(b.Hidden, b.Gated)); // (N, C) -> (N, F)
        w.FeedForwardNorm.Kernel.Recompute(compute, b.Middle, normalized, b.Statistics.FeedForward);
        if (w.FeedForwardGate is { } gate)
        {
            BackwardParameters(normalized, b.Hidden, gate);
            BackwardParameters(normalized, b.Gated, w.FeedForwardIn);
            w.FeedForwardIn.BackwardInput(compute, b.Gated, new StoreSink(branch)); // (N, F) -> (N, C)
            gate.BackwardInput(compute, b.Hidden, new AddSink(branch, null, branch));
        }
        else
        {
            BackwardParameters(normalized, b.Hidden, w.FeedForwardIn);
            w.FeedForwardIn.BackwardInput(compute, b.Hidden, new StoreSink(branch)); // (N, F) -> (N, C)
        }

        BackwardNorm(compute, w.FeedForwardNorm, b.Middle, b.Statistics.FeedForward, branch, gradient, a);
        if (depth == BackwardDepth.FeedForward) return;

        // The attention half
        dy = BranchGradient(
            compute, gradient, dropout.AttentionBranch(layer), w.AttentionPostNorm, b.AttentionBranch, b.Statistics.AttentionPost, branch,
            a);
        BackwardParameters(b.Attended, dy, w.AttentionOutput);
        w.AttentionOutput.BackwardInput(compute, dy, new StoreSink(attendedGradient)); // (N, C) -> (N, nh hs)
        if (rotary.IsActive) rotary.Forward(compute, b.Projected, b.Rotated);
        Attention.Backward( // (N, nh hs) -> (N, (nh + 2 nkv) hs)
            compute, shape, starts, rotary.IsActive ? b.Rotated : b.Projected, b.Attended, a.LogSumExp(layer),
            dropout.AttentionWeights(layer), attendedGradient, projectedGradient);
        if (rotary.IsActive)
        {
            rotary.Backward(
                compute, b.Projected, projectedGradient, GradientOf(w.QueryNorm?.Scale), GradientOf(w.KeyNorm?.Scale), a.Parts);
        }

        w.AttentionNorm.Kernel.Recompute(compute, b.Input, normalized, b.Statistics.Attention);
        BackwardParameters(normalized, projectedGradient, w.QueryKeyValue);
        if (depth == BackwardDepth.Projection) return;
        w.QueryKeyValue.BackwardInput(compute, projectedGradient, new StoreSink(branch)); // -> (N, C)
        BackwardNorm(compute, w.AttentionNorm, b.Input, b.Statistics.Attention, branch, gradient, a);

        void BackwardParameters(Matrix x, Matrix dy, TrainedMatrix matrix) =>
            matrix.BackwardParameters(compute, x, dy, a.Panels);
    }

    /// <summary>Adds the gradients of a norm: of its input to <paramref name="dx"/>, and of its weights.</summary>
    public static void BackwardNorm(
        Compute compute, NormWeights<TrainedVector> norm, Matrix x, float* statistics, Matrix dy, Matrix dx, Activations a) =>
        norm.Kernel.Backward(compute, x, statistics, dy, dx, GradientOf(norm.Scale), GradientOf(norm.Shift), a.Parts);

    private static float* GradientOf(TrainedVector? vector) => vector is null ? null : vector.Gradient;

    // y = x + dropout(norm(input · matrixᵀ + bias)); without norm and dropout, the sums are added as the product computes
    // them.
    private static void AddBranch<TMatrix, TVector>(
        Compute compute, TMatrix matrix, Matrix input, NormWeights<TVector>? norm, float* statistics, Matrix branch, Matrix x, Matrix y,
        byte* quantized, Dropout dropout)
        where TMatrix : class, IWeightMatrix
        where TVector : class, IWeightVector
    {
        if (!dropout.IsActive && norm is null)
        {
            matrix.Multiply(compute, input, quantized, new AddSink(x, matrix.Bias, y));
            return;
        }

        matrix.Multiply(compute, input, quantized, new StoreSink(branch, matrix.Bias));
        if (norm is null)
        {
            compute.ForEachRow(x.Rows, row => dropout.ApplyAndAdd(branch.Row(row), x.Row(row), y.Row(row), x.Columns, row));
            return;
        }

        var kernel = norm.Kernel;
        compute.ForEachRow(x.Rows, row =>
        {
            float* scratch = ThreadScratch.Get(x.Columns);
            kernel.Apply(branch.Row(row), x.Columns, scratch, statistics is null ? null : statistics + (2 * row));
            if (dropout.IsActive) dropout.ApplyAndAdd(scratch, x.Row(row), y.Row(row), x.Columns, row);
            else Row.Add(x.Row(row), scratch, y.Row(row), x.Columns);
        });
    }

    // Returns the gradient of the branch before norm and dropout: the residual stream's own gradient if there are none.
    private static Matrix BranchGradient(
        Compute compute, Matrix gradient, Dropout dropout, NormWeights<TrainedVector>? norm, Matrix x, float* statistics, Matrix scratch,
        Activations a)
    {
        var dy = gradient;
        if (dropout.IsActive)
        {
            dy = scratch;
            compute.ForEachRow(gradient.Rows, row => dropout.Apply(gradient.Row(row), scratch.Row(row), gradient.Columns, row));
        }

        if (norm is null) return dy;
        var dx = a.BranchGradient(gradient.Rows);
        compute.ForEachRow(dx.Rows, row => Row.Clear(dx.Row(row), dx.Columns));
        BackwardNorm(compute, norm, x, statistics, dy, dx, a);
        return dx;
    }
}
