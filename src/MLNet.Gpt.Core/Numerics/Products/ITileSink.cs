namespace MLNet.Gpt.Numerics.Products;

/// <summary>What becomes of a product's sums, a stretch of a row at a time, while they are in the cache.</summary>
internal unsafe interface ITileSink
{
    /// <summary>Takes the sums of the columns column … column + count − 1 of a row.</summary>
    void Take(float* sums, int row, int column, int count);
}
