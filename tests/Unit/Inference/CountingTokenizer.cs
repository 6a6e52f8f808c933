
namespace MLNet.Gpt.Tests.Inference;

/// <summary>A tokenizer for models whose tokens mean nothing; it only has a size.</summary>
internal sealed class CountingTokenizer(int vocabularySize) : ITextTokenizer
{
    public int VocabularySize => vocabularySize;

    public int? EndOfTextId => null;

    public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        throw new NotSupportedException();

    public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
        throw new NotSupportedException();

    public string Decode(ReadOnlySpan<int> ids) => throw new NotSupportedException();

    public ReadOnlyMemory<byte> TokenBytes(int id) => throw new NotSupportedException();

    public ITokenStreamDecoder CreateStreamDecoder() => throw new NotSupportedException();
}
