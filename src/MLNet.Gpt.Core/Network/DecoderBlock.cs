using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// A transformer block: x₂ = x₁ + dropout(attention(norm(x₁))), x₃ = x₂ + dropout(feedForward(norm(x₂))), and the
/// backward pass.
/// </summary>
internal static unsafe class DecoderBlock
{
    /// <summary>From the residual stream before a layer to that after it.</summary>
    public static void Forward(Compute compute, Parameters parameters, Activations a, AttentionShape shape, int layer, DropoutStream dropout)
    {
        int rows = shape.BatchSize * shape.Tokens;
        var p = parameters.Layout.Blocks[layer];
        Matrix x1 = a.Residual(layer, rows), x2 = a.Middle(layer, rows), x3 = a.Residual(layer + 1, rows); // (N, C)
        Matrix projected = a.Projected(layer, rows), attended = a.Attended(layer, rows), hidden = a.Hidden(layer, rows);
        Matrix normalised = a.Normalised(rows), branch = a.Branch(rows), activated = a.Activated(rows);

        LayerNorm.Forward(compute, x1, Data(p.NormScale1), Data(p.NormShift1), normalised, a.Statistics(2 * layer));
        Multiply(normalised, p.QueryKeyValue, new StoreSink(projected, Data(p.QueryKeyValueBias))); // (N, C) -> (N, 3 C)
        Attention.Forward(compute, shape, projected, attended, a.LogSumExp(layer), dropout.AttentionWeights(layer)); // (N, 3 C) -> (N, C)
        Multiply(attended, p.Output, new StoreSink(branch, Data(p.OutputBias)));
        AddBranch(compute, x1, branch, dropout.AttentionBranch(layer), x2);

        LayerNorm.Forward(compute, x2, Data(p.NormScale2), Data(p.NormShift2), normalised, a.Statistics((2 * layer) + 1));
        Multiply(normalised, p.FeedForwardIn, new GeluSink(activated, Data(p.FeedForwardInBias), hidden)); // (N, C) -> (N, 4 C)
        Multiply(activated, p.FeedForwardOut, new StoreSink(branch, Data(p.FeedForwardOutBias))); // (N, 4 C) -> (N, C)
        AddBranch(compute, x2, branch, dropout.FeedForwardBranch(layer), x3);

        float* Data(ParameterGroup group) => parameters.Value(group).Data;
        void Multiply<TSink>(Matrix x, ParameterGroup weight, TSink sink)
            where TSink : struct, ISink => BlockedProduct.Run(compute, x, new TransposedPanels(parameters.Value(weight), compute.Kernels), sink);
    }

    /// <summary>
    /// From the gradient of the residual stream after a layer to that before it, in place; the weights' gradients are
    /// added to.
    /// </summary>
    public static void Backward(Compute compute, Parameters parameters, Activations a, AttentionShape shape, int layer, DropoutStream dropout)
    {
        int rows = shape.BatchSize * shape.Tokens;
        var p = parameters.Layout.Blocks[layer];
        Matrix x1 = a.Residual(layer, rows), x2 = a.Middle(layer, rows), gradient = a.Gradient(rows), branch = a.Branch(rows);
        Matrix projected = a.Projected(layer, rows), attended = a.Attended(layer, rows), hidden = a.Hidden(layer, rows);
        Matrix normalised = a.Normalised(rows), activated = a.Activated(rows), hiddenGradient = a.HiddenGradient(rows), projectedGradient = a.ProjectedGradient(rows);

        // The feed-forward half
        var dy = BranchGradient(compute, gradient, dropout.FeedForwardBranch(layer), branch);
        compute.ForEachRow(rows, row => Gelu.Forward(hidden.Row(row), activated.Row(row), hidden.Columns));
        Linear.BackwardParameters(compute, activated, dy, Gradient(p.FeedForwardOut), Gradient(p.FeedForwardOutBias), a.Panels);
        Linear.BackwardInput(compute, dy, parameters.Value(p.FeedForwardOut), new GeluGradientSink(hidden, hiddenGradient)); // (N, C) -> (N, 4 C)
        LayerNorm.Recompute(compute, x2, Data(p.NormScale2), Data(p.NormShift2), normalised, a.Statistics((2 * layer) + 1));
        Linear.BackwardParameters(compute, normalised, hiddenGradient, Gradient(p.FeedForwardIn), Gradient(p.FeedForwardInBias), a.Panels);
        Linear.BackwardInput(compute, hiddenGradient, parameters.Value(p.FeedForwardIn), new StoreSink(branch)); // (N, 4 C) -> (N, C)
        LayerNorm.Backward(
            compute, x2, a.Statistics((2 * layer) + 1), Data(p.NormScale2), branch, gradient, Gradient(p.NormScale2), Gradient(p.NormShift2), a.Parts);

        // The attention half
        dy = BranchGradient(compute, gradient, dropout.AttentionBranch(layer), branch);
        Linear.BackwardParameters(compute, attended, dy, Gradient(p.Output), Gradient(p.OutputBias), a.Panels);
        Linear.BackwardInput(compute, dy, parameters.Value(p.Output), new StoreSink(normalised));
        Attention.Backward(
            compute, shape, projected, attended, a.LogSumExp(layer), dropout.AttentionWeights(layer), normalised, projectedGradient); // (N, C) -> (N, 3 C)
        LayerNorm.Recompute(compute, x1, Data(p.NormScale1), Data(p.NormShift1), normalised, a.Statistics(2 * layer));
        Linear.BackwardParameters(compute, normalised, projectedGradient, Gradient(p.QueryKeyValue), Gradient(p.QueryKeyValueBias), a.Panels);
        Linear.BackwardInput(compute, projectedGradient, parameters.Value(p.QueryKeyValue), new StoreSink(branch)); // (N, 3 C) -> (N, C)
        LayerNorm.Backward(
            compute, x1, a.Statistics(2 * layer), Data(p.NormScale1), branch, gradient, Gradient(p.NormScale1), Gradient(p.NormShift1), a.Parts);

        float* Data(ParameterGroup group) => parameters.Value(group).Data;
        float* Gradient(ParameterGroup group) => parameters.Gradient(group).Data;
    }

    // y = x + dropout(branch)
    private static void AddBranch(Compute compute, Matrix x, Matrix branch, Dropout dropout, Matrix y) =>
        compute.ForEachRow(x.Rows, row => dropout.ApplyAndAdd(branch.Row(row), x.Row(row), y.Row(row), x.Columns, row));

    // The gradient of what was dropped out and added: the residual stream's own where nothing was dropped.
    private static Matrix BranchGradient(Compute compute, Matrix gradient, Dropout dropout, Matrix scratch)
    {
        if (!dropout.IsActive) return gradient;
        compute.ForEachRow(gradient.Rows, row => dropout.Apply(gradient.Row(row), scratch.Row(row), gradient.Columns, row));
        return scratch;
    }
}
