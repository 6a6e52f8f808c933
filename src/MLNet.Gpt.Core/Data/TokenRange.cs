using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Data;

/// <summary>A range of a source's tokens, as a source itself.</summary>
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

    /// <exception cref="ArgumentOutOfRangeException">The range extends past the end.</exception>
    public static void Check(long start, long length, long count)
    {
        if (start < 0 || start > count - length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"A range of {Quantity.Of(length, "token")} from {start} extends past the end; there are {count}.");
        }
    }
}
