namespace MLNet.Gpt.Data;

/// <summary>Tokens in memory.</summary>
internal sealed class TokenMemory(ReadOnlyMemory<int> tokens) : ITokenSource
{
    public long Count => tokens.Length;

    public void Read(long start, Span<int> destination)
    {
        TokenRange.Check(start, destination.Length, Count);
        tokens.Span.Slice((int)start, destination.Length).CopyTo(destination);
    }
}
