namespace MLNet.Gpt.Numerics.Products;

/// <summary>The right side B of a product A · B, (depth, columns), of which a panel at a time is laid out for the kernels.</summary>
internal unsafe interface IPanelSource
{
    /// <summary>Columns of B.</summary>
    int Columns { get; }

    /// <summary>Lays out columns as [k][width]; those beyond the last are 0.</summary>
    /// <param name="column">First column.</param>
    /// <param name="width">Columns of a panel.</param>
    /// <param name="panel">Receives depth × width numbers.</param>
    void Pack(int column, int width, float* panel);
}
