using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How much of a token file has been written.</summary>
public sealed class TokenizingProgress
{
    /// <summary>Documents done.</summary>
    public required int Documents { get; init; }

    /// <summary>Bytes of text read so far.</summary>
    public required long BytesRead { get; init; }

    /// <summary>Total bytes of text; <see langword="null"/> if not known in advance.</summary>
    public required long? TotalBytes { get; init; }

    /// <summary>Tokens written so far.</summary>
    public required long Tokens { get; init; }

    /// <summary>Returns the counts.</summary>
    public override string ToString() => 
        $"{Quantity.Of(Documents, "document")}, {Quantity.Of(BytesRead, "byte")}, {Quantity.Of(Tokens, "token")}";
}
