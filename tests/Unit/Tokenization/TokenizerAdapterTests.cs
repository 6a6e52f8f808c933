using System.Text;
using Microsoft.ML.Tokenizers;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

public class TokenizerAdapterTests
{
    private const string Text = "Every effort moves you, 鯨 and 👩‍👩‍👧 — naïve?\r\n\tSo it's   over.<|endoftext|>Ångström  ";

    // GPT-2's tokenizer in Microsoft.ML.Tokenizers: different code from ours, with the same ranks.
    private static readonly TokenizerAdapter Tiktoken = new(CreateTiktoken(), vocabularySize: 50257);

    // Five letters and three merges, with a token for everything else.
    private static readonly TokenizerAdapter Pairs = new(CreatePairs(), endOfTextId: 9);

    [Fact]
    public void A_tiktoken_tokenizer_gives_the_same_ids_as_ours_including_special_tokens()
    {
        Assert.Equal(50257, Tiktoken.VocabularySize);
        Assert.Equal((50256, 50256), (Tiktoken.EndOfTextId, Tiktoken.BeginningOfTextId));
        int[] ids = Tiktoken.Encode(Text);
        Assert.Equal(Gpt2Tokenizer.Instance.Encode(Text), ids);
        Assert.Contains(50256, ids);
        Assert.Equal(ids.Length, Tiktoken.Count(Text));
        Assert.Equal(Text, Tiktoken.Decode(ids));
        Assert.Empty(Tiktoken.Encode(""));
    }

    [Theory]
    [InlineData(Text)]
    [InlineData("<|endoftext|>")]
    [InlineData("<|endoftext|><|endoftext|><<|endoftext|>>")]
    [InlineData("no special token")]
    public void Literal_text_never_gives_a_special_token(string text)
    {
        int[] ids = Tiktoken.Encode(text, SpecialTokens.Literal);
        Assert.DoesNotContain(50256, ids);
        Assert.Equal(text, Tiktoken.Decode(ids));
        Assert.Equal(ids.Length, Tiktoken.Count(text, SpecialTokens.Literal));
    }

    [Fact]
    public void Encoding_does_not_begin_when_it_was_canceled()
    {
        ITextTokenizer tokenizer = Tiktoken;
        var canceled = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() => tokenizer.Encode(Text, SpecialTokens.Recognized, canceled));
        Assert.Equal(Tiktoken.Encode(Text), tokenizer.Encode(Text, SpecialTokens.Recognized, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_stream_never_splits_or_loses_a_character()
    {
        foreach (var (tokenizer, text) in new[] { (Tiktoken, Text), (Pairs, "abcabdab"), (Tiktoken, "\uFFFD 鯨\uFFFD\uFFFD") })
        {
            var decoder = tokenizer.CreateStreamDecoder();
            for (int time = 0; time < 2; time++)
            {
                string[] parts = [.. tokenizer.Encode(text).Select(decoder.Append), decoder.Flush()];
                Assert.Equal(text, string.Concat(parts));
                if (!text.Contains('\uFFFD')) Assert.DoesNotContain(parts, part => part.Contains('\uFFFD'));
            }
        }
    }

    [Fact]
    public void A_stream_that_ends_in_the_middle_of_a_character_says_so()
    {
        var decoder = Tiktoken.CreateStreamDecoder();
        int[] whale = Gpt2Tokenizer.Instance.Encode("鯨");
        Assert.True(whale.Length > 1);
        Assert.Equal("", decoder.Append(whale[0]));
        Assert.All(decoder.Flush(), character => Assert.Equal('\uFFFD', character));
    }

    [Fact]
    public void The_bytes_of_a_token_are_those_of_its_text()
    {
        Assert.Equal(" effort"u8, Tiktoken.TokenBytes(Gpt2Tokenizer.Instance.Encode(" effort")[0]).Span);
        Assert.Equal(7, ((ITextTokenizer)Tiktoken).ByteCount(Gpt2Tokenizer.Instance.Encode(" effort")[0]));
        int half = Gpt2Tokenizer.Instance.Encode("鯨")[0];
        Assert.Equal("\uFFFD", Encoding.UTF8.GetString(Tiktoken.TokenBytes(half).Span));
    }

    [Fact]
    public void A_byte_pair_tokenizer_reports_its_vocabulary_size()
    {
        Assert.Equal(10, Pairs.VocabularySize);
        Assert.Equal((9, 9), (Pairs.EndOfTextId, Pairs.BeginningOfTextId));
        Assert.Equal([6, 7, 5], Pairs.Encode("abcabdab"));
        Assert.Equal("abcabdab", Pairs.Decode(Pairs.Encode("abcabdab")));
    }

    [Fact]
    public void A_model_measures_the_same_with_it_as_with_our_tokenizer()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny with { VocabularySize = 50257 }, seed: 1);
        using var ours = GptModel.FromWeights(weights, Gpt2Tokenizer.Instance);
        using var theirs = GptModel.FromWeights(weights, Tiktoken);
        Assert.Equal(new TextScorer(ours).Score(Text).Loss.CrossEntropy, new TextScorer(theirs).Score(Text).Loss.CrossEntropy);
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_refused()
    {
        Assert.Contains(
            "50257", Assert.Throws<ArgumentOutOfRangeException>(() => Tiktoken.Decode([1, 50257])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiktoken.TokenBytes(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiktoken.CreateStreamDecoder().Append(50257));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenizerAdapter(Tiktoken.Tokenizer, 50257, endOfTextId: 50257));
        var narrow = new TokenizerAdapter(Tiktoken.Tokenizer, vocabularySize: 300, endOfTextId: 0);
        Assert.Contains(
            "from 0 to 299",
            Assert.Throws<InvalidOperationException>(() => narrow.Encode("Every effort")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_that_does_not_report_its_size_needs_it()
    {
        using var words = new MemoryStream("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nthe\nwhale\n##s"u8.ToArray());
        var tokenizer = WordPieceTokenizer.Create(words);
        Assert.Throws<ArgumentException>(() => new TokenizerAdapter(Tiktoken.Tokenizer));
        Assert.Contains(
            "WordPieceTokenizer",
            Assert.Throws<ArgumentException>(() => new TokenizerAdapter(tokenizer)).Message,
            StringComparison.Ordinal);
        var adapter = new TokenizerAdapter(tokenizer, vocabularySize: 8);
        Assert.Equal([5, 6, 7], adapter.Encode("the whales"));
        Assert.Null(adapter.EndOfTextId);
    }

    private static TiktokenTokenizer CreateTiktoken()
    {
        using var ranks = Gpt2Vocabulary.Shared.OpenRanks();
        return TiktokenTokenizer.CreateForModel("gpt2", ranks);
    }

    private static BpeTokenizer CreatePairs() => BpeTokenizer.Create(new BpeOptions(
        new Dictionary<string, int>
        {
            ["a"] = 0, ["b"] = 1, ["c"] = 2, ["d"] = 3, ["e"] = 4, ["ab"] = 5, ["abc"] = 6, ["abd"] = 7, ["?"] = 8, ["</s>"] = 9,
        })
    {
        Merges = ["a b", "ab c", "ab d"],
        UnknownToken = "?",
        SpecialTokens = new Dictionary<string, int> { ["</s>"] = 9 },
    });
}
