using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// x = dropout(token embedding of the id × factor + position embedding), and the gradients of both embeddings. Without a
/// position embedding, nothing is added.
/// </summary>
internal static unsafe class Embedding
{
    private const int ColumnsPerChunk = 64;

    /// <summary>(N) -> (N, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="ids">One id per row.</param>
    /// <param name="positions">One position per row.</param>
    /// <param name="tokenEmbedding">(V, C).</param>
    /// <param name="factor">What token embeddings are multiplied by.</param>
    /// <param name="positionEmbedding">(context, C); <see langword="null"/> if there is none.</param>
    /// <param name="dropout">On the sums.</param>
    /// <param name="x">Receives the sums, (N, C).</param>
    public static void Forward<TMatrix>(
        Compute compute, int[] ids, int[] positions, TMatrix tokenEmbedding, float factor, float* positionEmbedding, Dropout dropout,
        Matrix x)
        where TMatrix : IWeightMatrix => compute.ForEachRow(x.Rows, row =>
        {
            float* sum = x.Row(row);
            tokenEmbedding.CopyRow(ids[row], sum);
            if (factor != 1) Row.Scale(sum, factor, sum, x.Columns);
            if (positionEmbedding is not null) Row.Add(sum, positionEmbedding + ((long)positions[row] * x.Columns), sum, x.Columns);
            dropout.Apply(sum, sum, x.Columns, row);
        });

    /// <summary>Adds the gradients; those that are not needed are <see langword="null"/>.</summary>
    /// <remarks>Each thread processes some columns of all rows, so every sum runs over the rows in order.</remarks>
    /// <param name="compute">What to run on.</param>
    /// <param name="ids">One id per row.</param>
    /// <param name="positions">One position per row.</param>
    /// <param name="factor">What token embeddings are multiplied by; not with a position embedding.</param>
    /// <param name="gradient">The gradient of the sums, (N, C), to which dropout and factor are applied in place.</param>
    /// <param name="dropout">The same as in the forward pass.</param>
    /// <param name="tokenGradient">(V, C), dense; it is added to.</param>
    /// <param name="positionGradient">(context, C), dense; it is added to.</param>
    public static void Backward(
        Compute compute, int[] ids, int[] positions, float factor, Matrix gradient, Dropout dropout, float* tokenGradient,
        float* positionGradient)
    {
        int width = gradient.Columns;
        if (dropout.IsActive) compute.ForEachRow(gradient.Rows, row => dropout.Apply(gradient.Row(row), gradient.Row(row), width, row));
        if (factor != 1) compute.ForEachRow(gradient.Rows, row => Row.Scale(gradient.Row(row), factor, gradient.Row(row), width));
        compute.ForEach((width + ColumnsPerChunk - 1) / ColumnsPerChunk, chunk =>
        {
            int column = chunk * ColumnsPerChunk, count = Math.Min(ColumnsPerChunk, width - column);
            for (int row = 0; row < gradient.Rows; row++)
            {
                float* source = gradient.Row(row) + column;
                if (tokenGradient is not null) Row.AddTo(source, tokenGradient + ((long)ids[row] * width) + column, count);
                if (positionGradient is not null) Row.AddTo(source, positionGradient + ((long)positions[row] * width) + column, count);
            }
        });
    }
}
