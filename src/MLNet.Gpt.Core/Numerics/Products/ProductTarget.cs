namespace MLNet.Gpt.Numerics.Products;

/// <summary>What becomes of a product's sums.</summary>
internal enum ProductTarget
{
    /// <summary>They replace the destination.</summary>
    Store,

    /// <summary>Their GELU replaces the destination.</summary>
    StoreGelu,

    /// <summary>They are added to the destination, the residual stream.</summary>
    Add,
}
