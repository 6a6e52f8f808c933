namespace MLNet.Gpt.Numerics.Products;

/// <summary>The sizes of a block of GGML's Q8_0: 32 consecutive weights of a row that share a scale.</summary>
internal static class Q8Block
{
    /// <summary>Weights per block.</summary>
    public const int Length = 32;

    /// <summary>Bytes per block in a file: a half-precision scale, then one signed byte per weight.</summary>
    public const int Size = 2 + Length;
}
