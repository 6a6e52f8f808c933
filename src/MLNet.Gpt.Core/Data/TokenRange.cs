namespace MLNet.Gpt.Data;

/// <summary>Some of a source's tokens, as a source of their own.</summary>
internal sealed class TokenRange : ITokenSource
{
    private readonly ITokenSource _source;
    private readonly long _start;

    public TokenRange(ITokenSource source, long start, long count)
    {
        Check(start, count, source.Count);
        (_source, _start, Count) = (source, start, count);
    }

    public long Count { get; }

    public void Read(long start, Span<int> destination)
    {
        Check(start, destination.Length, Count);
        _source.Read(_start + start, destination);
    }

    /// <exception cref="ArgumentOutOfRangeException">The range reaches outside.</exception>
    public static void Check(long start, long length, long count)
    {
        if (start < 0 || start > count - length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{length} tokens from {start} reach outside the {count} that there are.");
        }
    }
}
