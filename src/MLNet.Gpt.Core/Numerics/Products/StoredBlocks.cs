namespace MLNet.Gpt.Numerics.Products;

/// <summary>GGML's types of blocks that products compute with as a file stores them.</summary>
internal enum StoredBlocks
{
    /// <summary>None: the weights are numbers, which may be rounded.</summary>
    None,

    /// <summary><see cref="Q8Block"/>.</summary>
    Q8_0,

    /// <summary><see cref="Q4KBlock"/>.</summary>
    Q4_K,

    /// <summary><see cref="Q5KBlock"/>.</summary>
    Q5_K,

    /// <summary><see cref="Q6KBlock"/>.</summary>
    Q6_K,
}

/// <summary>The sizes of blocks.</summary>
internal static class StoredBlocksSizes
{
    /// <summary>Weights per block.</summary>
    public static int Length(this StoredBlocks blocks) => blocks == StoredBlocks.Q8_0 ? Q8Block.Length : Q4KBlock.Length;

    /// <summary>Bytes per block in a file.</summary>
    public static int Size(this StoredBlocks blocks) => blocks switch
    {
        StoredBlocks.Q8_0 => Q8Block.Size,
        StoredBlocks.Q4_K => Q4KBlock.Size,
        StoredBlocks.Q5_K => Q5KBlock.Size,
        _ => Q6KBlock.Size,
    };
}

/// <summary>The sizes of a block of GGML's Q8_0: 32 consecutive weights of a row that share a scale.</summary>
internal static class Q8Block
{
    /// <summary>Weights per block.</summary>
    public const int Length = 32;

    /// <summary>Bytes per block in a file: a half-precision scale, then one signed byte per weight.</summary>
    public const int Size = 2 + Length;
}
