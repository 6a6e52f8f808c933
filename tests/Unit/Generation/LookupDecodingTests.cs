using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Generation;

public class LookupDecodingTests
{
    [Fact]
    public void A_text_that_repeats_takes_a_fraction_of_the_passes()
    {
        string text = string.Concat(Enumerable.Repeat("the whale and the sea; ", 20));
        var model = ScriptedModel.Writing("p", text);
        var result = new TextGenerator(model).Generate("p", new() { MaxTokens = 1000, LookupDecoding = true });
        Assert.Equal(text, result.Text);
        Assert.Equal(FinishReason.EndOfText, result.FinishReason);
        Assert.InRange(model.PassCount, 1, text.Length / 4);
    }

    [Fact]
    public void A_text_that_never_repeats_takes_no_more_passes_and_no_guesses()
    {
        string text = string.Concat(Enumerable.Range(33, 90).Select(i => (char)i));
        var model = ScriptedModel.Writing("p", text);
        Assert.Equal(text, new TextGenerator(model).Generate("p", new() { MaxTokens = 1000, LookupDecoding = true }).Text);
        Assert.Equal(text.Length + 1, model.PassCount);
        Assert.Equal(0, model.LongestPass);
    }

    [Theory]
    [InlineData(ContextOverflow.KeepHalf, 60)]
    [InlineData(ContextOverflow.Slide, 240)]
    public void A_context_that_starts_again_forgets_no_token(ContextOverflow overflow, int most)
    {
        // The context is full after each 20 tokens, or after each token: the guesses must still see all of them.
        var model = new ScriptedModel(40, ids =>
        {
            float[] logits = new float[257];
            logits[(ids[^1] + 1) % 10] = 50;
            return logits;
        });
        var options = new GenerationOptions { MaxTokens = 240, Overflow = overflow, LookupDecoding = true };
        int[] ids = [.. new TextGenerator(model).Generate([0, 1, 2], options with { CandidateCount = 1 }).Tokens.Select(token => token.Id)];
        Assert.Equal(Enumerable.Range(3, 240).Select(id => id % 10), ids);
        Assert.InRange(model.PassCount, 1, most);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.6)]
    public void Wrong_guesses_change_nothing(double temperature)
    {
        // Logits that depend on the last two tokens of eight: runs of three recur all the time, and often continue
        // differently.
        static float[] Logits(IReadOnlyList<int> ids)
        {
            float[] logits = ScriptedModel.HashedLogits([.. ids.TakeLast(2), ids.Count % 7]);
            for (int id = 8; id < logits.Length; id++) logits[id] = -50;
            return logits;
        }

        foreach (var overflow in Enum.GetValues<ContextOverflow>())
        {
            var options = new GenerationOptions
            {
                MaxTokens = 150, Temperature = temperature, Seed = 4, Overflow = overflow, CandidateCount = 2,
                StopSequences = ["\u0007\u0007\u0007\u0007"],
            };
            var plain = new TextGenerator(new ScriptedModel(100, Logits)).Generate([1, 2, 3], options);
            var model = new ScriptedModel(100, Logits);
            var guessed = new TextGenerator(model).Generate([1, 2, 3], options with { LookupDecoding = true });
            Assert.Equal(plain.Text, guessed.Text);
            Assert.Equal(plain.FinishReason, guessed.FinishReason);
            Assert.Equal(
                plain.Tokens.Select(token => (token.Id, token.LogProbability)),
                guessed.Tokens.Select(token => (token.Id, token.LogProbability)));
            Assert.InRange(model.LongestPass, 4, 8);
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void The_engine_writes_the_same_text_with_guesses_and_without(WeightPrecision precision)
    {
        var config = GptPresets.Tiny with { VocabularySize = 257, ContextLength = 200 };
        using var model = GptModel.FromWeights(
            RandomWeights.Of(config, deviation: 0.25f), new ByteTokenizer(), new() { Precision = precision });
        var generator = new TextGenerator(model, new() { MaxTokens = 180, StopAtEndOfText = false, ReturnLogProbabilities = true });
        foreach (string prompt in (string[])["abcabcabcabc", "to be or not to be", "z"])
        {
            var plain = generator.Generate(prompt);
            var guessed = generator.Generate(
                prompt, new() { MaxTokens = 180, StopAtEndOfText = false, ReturnLogProbabilities = true, LookupDecoding = true });
            Assert.Equal(
                plain.Tokens.Select(token => (token.Id, token.LogProbability)),
                guessed.Tokens.Select(token => (token.Id, token.LogProbability)));
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void Appending_many_gives_the_logits_of_appending_one_by_one(WeightPrecision precision)
    {
        var config = GptPresets.Tiny with { ContextLength = 300 };
        using var model = GptModel.FromWeights(
            RandomWeights.Of(config), new CountingTokenizer(config.VocabularySize), new() { Precision = precision });
        int[] ids = RandomWeights.Ids(config, 290);
        using var single = model.CreateSession();
        using var many = model.CreateSession();
        single.Append(ids.AsSpan(0, 3));
        many.Append(ids.AsSpan(0, 3));
        float[] logits = new float[287 * config.VocabularySize];
        many.Append(ids.AsSpan(3), logits);
        for (int i = 3; i < ids.Length; i++)
        {
            Assert.Equal(single.Append([ids[i]]).ToArray(), logits[((i - 3) * config.VocabularySize)..((i - 2) * config.VocabularySize)]);
        }

        Assert.Equal(single.Logits.ToArray(), many.Logits.ToArray());
        Assert.Equal(290, many.Position);
        Assert.Contains(
            "room for 5",
            Assert.Throws<ArgumentException>(() => many.Append([1], new float[5])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => many.Append(new int[11], new float[11 * config.VocabularySize]));
    }
}
