using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

public class CanceledEncodingTests
{
    private static readonly ITextTokenizer Pairs = new BytePairTokenizer(
        ["a"u8.ToArray(), "aa"u8.ToArray(), "aaaa"u8.ToArray(), " "u8.ToArray()], [(0, 0), (1, 1)], []);

    [Theory]
    [InlineData("GPT-2")]
    [InlineData("byte pairs")]
    [InlineData("fitted")]
    public void Encoding_stops_in_the_middle_of_a_word(string kind)
    {
        string text = new('a', 8_000_000);
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.Throws<OperationCanceledException>(() => Tokenizer(kind).Encode(text, SpecialTokens.Recognized, source.Token));
    }

    [Theory]
    [InlineData("GPT-2")]
    [InlineData("byte pairs")]
    [InlineData("fitted")]
    [InlineData("words")]
    public void Encoding_does_not_begin_when_it_was_canceled(string kind)
    {
        var tokenizer = Tokenizer(kind);
        var canceled = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() => tokenizer.Encode("a", SpecialTokens.Recognized, canceled));
        Assert.Equal(tokenizer.Encode("a a"), tokenizer.Encode("a a", SpecialTokens.Recognized, TestContext.Current.CancellationToken));
    }

    private static ITextTokenizer Tokenizer(string kind) => kind switch
    {
        "GPT-2" => Gpt2Tokenizer.Instance,
        "byte pairs" => Pairs,
        "fitted" => FittedTokenizer.Of(Gpt2Tokenizer.Instance, 50_304),
        _ => WordTokenizer.FromText("a b"),
    };
}
