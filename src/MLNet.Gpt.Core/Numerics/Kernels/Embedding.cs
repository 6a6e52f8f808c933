using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>x = dropout(token embedding of the id + position embedding of the place), and its gradients.</summary>
internal static unsafe class Embedding
{
    private const int ColumnsPerPiece = 64;

    /// <summary>(B, T) -> (B, T, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="ids">(B, T).</param>
    /// <param name="tokens">T.</param>
    /// <param name="tokenEmbedding">(V, C).</param>
    /// <param name="positionEmbedding">(context, C).</param>
    /// <param name="dropout">On the sums.</param>
    /// <param name="x">Receives them, (B T, C).</param>
    public static void Forward(Compute compute, int[] ids, int tokens, Matrix tokenEmbedding, Matrix positionEmbedding, Dropout dropout, Matrix x) =>
        compute.ForEachRow(x.Rows, row =>
        {
            float* sum = x.Row(row);
            Row.Add(tokenEmbedding.Row(ids[row]), positionEmbedding.Row(row % tokens), sum, x.Columns);
            dropout.Apply(sum, sum, x.Columns, row);
        });

    /// <summary>Adds the gradients; those that are not wanted have no data.</summary>
    /// <remarks>A thread takes some columns of all rows, so every sum runs over the rows in order.</remarks>
    public static void Backward(
        Compute compute, int[] ids, int tokens, Matrix gradient, Dropout dropout, Matrix tokenGradient, Matrix positionGradient)
    {
        if (dropout.IsActive) compute.ForEachRow(gradient.Rows, row => dropout.Apply(gradient.Row(row), gradient.Row(row), gradient.Columns, row));
        compute.ForEach((gradient.Columns + ColumnsPerPiece - 1) / ColumnsPerPiece, piece =>
        {
            int column = piece * ColumnsPerPiece, count = Math.Min(ColumnsPerPiece, gradient.Columns - column);
            for (int row = 0; row < gradient.Rows; row++)
            {
                float* source = gradient.Row(row) + column;
                if (tokenGradient.Data is not null) Row.AddTo(source, tokenGradient.Row(ids[row]) + column, count);
                if (positionGradient.Data is not null) Row.AddTo(source, positionGradient.Row(row % tokens) + column, count);
            }
        });
    }
}
