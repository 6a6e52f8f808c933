
namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Counts encodings: a model computes nothing for a row whose text was never encoded.</summary>
internal sealed class CountingTokenizer(ITextTokenizer inner, Action? encoded = null) : ITextTokenizer
{
    private int _encodings;

    public int Encodings => Volatile.Read(ref _encodings);

    public int VocabularySize => inner.VocabularySize;

    public int? EndOfTextId => inner.EndOfTextId;

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        Interlocked.Increment(ref _encodings);
        int[] ids = inner.Encode(text, specialTokens);
        encoded?.Invoke();
        return ids;
    }

    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) => inner.Count(text, specialTokens);

    public string Decode(ReadOnlySpan<int> ids) => inner.Decode(ids);

    public ReadOnlyMemory<byte> TokenBytes(int id) => inner.TokenBytes(id);

    public ITokenStreamDecoder CreateStreamDecoder() => inner.CreateStreamDecoder();
}
