using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Data;
using MLNet.Gpt.Tests.Data;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

public class BytePairTrainerTests
{
    private static readonly string Novel = TestFiles.InRepository("samples/Data/moby-dick.txt");

    private static readonly Lazy<BytePairTokenizer> Learned = new(() => BytePairTrainer.FromFiles([Novel], vocabularySize: 1000));

    [Fact] // Recorded from Hugging Face's tokenizers; see Fixtures/README.md.
    public void The_merges_of_a_novel_are_those_of_hugging_face()
    {
        string[] recorded = File.ReadAllLines(TestFiles.InRepository("tests/Unit/Tokenization/Fixtures/bpe-merges.txt"));
        int count = int.Parse(recorded[0], System.Globalization.CultureInfo.InvariantCulture);
        using var novel = new StreamReader(Novel);

        var tokenizer = BytePairTrainer.FromTexts(
            TextLines.Read(novel), vocabularySize: 100_000, new() { MinimumFrequency = 1 },
            cancellationToken: TestContext.Current.CancellationToken);

        string[] merges = [.. tokenizer.Merges.Select(merge => $"{Spell(merge.Left)} {Spell(merge.Right)}\n")];
        Assert.Equal(recorded[2..].Select(line => line + "\n"), merges[..(recorded.Length - 2)]);
        Assert.Equal(
            recorded[1].Split(' '),
            merges.Chunk(256).Select(part => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(part))))[..8]));
        Assert.Equal(count, merges.Length);
        Assert.Equal(1 + 256 + count, tokenizer.VocabularySize);

        string Spell(int id) => ByteAlphabet.Write(tokenizer.TokenBytes(id).Span);
    }

    [Fact]
    public void A_smaller_vocabulary_is_the_beginning_of_a_larger_one()
    {
        var larger = BytePairTrainer.FromFiles([Novel], vocabularySize: 1200, options: new() { SplitLike = Gpt2Tokenizer.Instance });

        Assert.Equal(1000, Learned.Value.VocabularySize);
        Assert.Equal(larger.Merges.Take(743), Learned.Value.Merges);
        Assert.All(
            Enumerable.Range(0, 1000),
            id => Assert.Equal(larger.TokenBytes(id).ToArray(), Learned.Value.TokenBytes(id).ToArray()));
    }

    [Fact]
    public void Any_text_becomes_ids_and_back()
    {
        foreach (string text in (string[])[TestFiles.MobyDick, "Zürich 東京 😀\0\t<|endoftext|>", "", " "])
        {
            int[] ids = Learned.Value.Encode(text, SpecialTokens.Literal);
            Assert.Equal(text, Learned.Value.Decode(ids));
        }

        Assert.Equal([0], Learned.Value.Encode("<|endoftext|>"));
        Assert.Equal(0, Learned.Value.EndOfTextId);
        Assert.True(Learned.Value.Count(TestFiles.MobyDick) < 0.45 * TestFiles.MobyDick.Length);
    }

    [Fact]
    public void Files_that_are_read_in_parts_give_the_same_as_whole_texts()
    {
        var whole = BytePairTrainer.FromTexts([TestFiles.MobyDick], vocabularySize: 1000);
        Assert.Equal(whole.Merges, Learned.Value.Merges);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("smollm")]
    [InlineData("llama3")]
    public void It_splits_as_another_tokenizer_does(string name)
    {
        var family = (BytePairTokenizer)TokenizerFile.Load(TestFiles.InRepository($"tests/Unit/Tokenization/Fixtures/Families/{name}.json"));
        string[] texts = ["In 1851, 1851 whales; in 1852, 1852.", "don't DON'T 1851\n\n\n1852"];

        var tokenizer = BytePairTrainer.FromTexts(texts, vocabularySize: 400, new() { SplitLike = family });

        Assert.Equal(family.Rules.Split, tokenizer.Rules.Split);
        int longest = Enumerable.Range(0, tokenizer.VocabularySize).Max(
            id => Encoding.UTF8.GetString(tokenizer.TokenBytes(id).Span).Count(char.IsAsciiDigit));
        Assert.Equal(name == "llama3" ? 3 : 1, longest);
        Assert.All(texts, text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
    }

    [Fact]
    public void A_saved_tokenizer_gives_the_same_ids()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "tokenizer.json");

        TokenizerFile.Save(path, Learned.Value);
        var loaded = TokenizerFile.Load(path);

        Assert.Equal(1000, loaded.VocabularySize);
        Assert.Equal(0, loaded.EndOfTextId);
        Assert.Equal(Learned.Value.Encode(TestFiles.MobyDick), loaded.Encode(TestFiles.MobyDick));
        TokenizerFile.Save(path, Gpt2Tokenizer.Instance);
        Assert.Equal(Gpt2Tokenizer.Instance.Encode(TestFiles.MobyDick), TokenizerFile.Load(path).Encode(TestFiles.MobyDick));
        TokenizerFile.Save(path, TinyModels.Words);
        Assert.Equal(((WordTokenizer)TinyModels.Words).Words, Assert.IsType<WordTokenizer>(TokenizerFile.Load(path)).Words);
    }

    [Fact]
    public void Special_tokens_have_the_first_ids_and_are_not_learned_from()
    {
        BytePairTrainerOptions options = new() { SpecialTokens = ["<eot>", "<sep>"], MinimumFrequency = 1 };

        var tokenizer = BytePairTrainer.FromTexts(["ab<sep>ab<sep>ab<eot>"], vocabularySize: 300, options);

        Assert.Equal(259, tokenizer.VocabularySize);
        Assert.Equal((98 - 33 + 1, 98 - 33 + 2), Assert.Single(tokenizer.Merges)); // a, b, after two special tokens and from '!' on
        Assert.Equal([258, 1, 258, 0], tokenizer.Encode("ab<sep>ab<eot>"));
        Assert.Equal(0, tokenizer.EndOfTextId);
        Assert.Null(BytePairTrainer.FromTexts(["ab"], 256, new() { SpecialTokens = [] }).EndOfTextId);
    }

    [Fact]
    public void A_pair_that_is_too_rare_is_not_merged()
    {
        Assert.Empty(BytePairTrainer.FromTexts(["ab cd"], 300).Merges);
        Assert.Single(BytePairTrainer.FromTexts(["ab cd", "ab"], 300).Merges);
        Assert.Empty(BytePairTrainer.FromTexts([], 300).Merges);
    }

    [Fact]
    public void Repeated_letters_are_merged_as_they_are_encoded()
    {
        string[] texts = [.. Enumerable.Range(1, 40).Select(length => new string('a', length)), "aaaaab", "baaaa"];

        var tokenizer = BytePairTrainer.FromTexts(texts, 300, new() { MinimumFrequency = 1 });

        Assert.All(texts, text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
        Assert.Equal(tokenizer.Merges.Count, tokenizer.Merges.Distinct().Count());
    }

    [Fact]
    public void A_model_can_be_trained_with_it()
    {
        var config = GptPresets.Tiny with { VocabularySize = Learned.Value.VocabularySize };
        var options = new TrainingOptions { MaxSteps = 20, BatchSize = 4, LearningRate = 5e-3 };
        var data = TrainingData.FromText(TestFiles.MobyDick[..20_000], Learned.Value, config.ContextLength, options);

        var result = WeightInitializer.Create(config, 1).Train(data, options, cancellationToken: TestContext.Current.CancellationToken);

        using var model = GptModel.FromWeights(result.Weights, Learned.Value);
        Assert.True(result.History.Last.TrainingLoss < result.History.First.TrainingLoss - 0.5);
        Assert.True(new TextScorer(model).Score("Call me Ishmael.").CrossEntropy < Math.Log(1000));
    }

    [Fact]
    public void Bad_input_is_refused_by_name()
    {
        var size = Assert.Throws<ArgumentOutOfRangeException>(() => BytePairTrainer.FromTexts(["a"], 256));
        Assert.Contains("vocabularySize is 256; it must be at least 257", size.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new BytePairTrainerOptions { SpecialTokens = ["a", "a"] });
        Assert.Throws<ArgumentException>(() => new BytePairTrainerOptions { SpecialTokens = [""] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new BytePairTrainerOptions { MinimumFrequency = 0 });
        var llama2 = (BytePairTokenizer)TokenizerFile.Load(TestFiles.InRepository("tests/Unit/Tokenization/Fixtures/Families/llama2.json"));
        var characters = Assert.Throws<ArgumentException>(() => new BytePairTrainerOptions { SplitLike = llama2 });
        Assert.Contains("does not merge bytes", characters.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new BytePairTrainerOptions { SplitLike = TinyModels.Words });
        Assert.Throws<FileNotFoundException>(() => BytePairTrainer.FromFiles(["missing.txt"], 300));
        Assert.Throws<OperationCanceledException>(() => BytePairTrainer.FromTexts(["a"], 300, cancellationToken: new(canceled: true)));
    }
}
