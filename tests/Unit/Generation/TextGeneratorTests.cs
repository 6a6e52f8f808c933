using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Tests.Generation;

public class TextGeneratorTests
{
    private static readonly GenerationOptions Sampling = new() { Temperature = 1, TopK = 40, MaxTokens = 30, Seed = 7 };

    [Fact]
    public void The_text_ends_at_the_end_of_text_token_which_is_not_part_of_it()
    {
        var result = new TextGenerator(ScriptedModel.Writing("Hi", " there")).Generate("Hi");
        Assert.Equal(" there", result.Text);
        Assert.Equal(FinishReason.EndOfText, result.FinishReason);
        Assert.Equal(2, result.PromptTokenCount);
        Assert.Equal(6, result.TokenIds.Count);
    }

    [Fact]
    public void On_request_an_end_of_text_token_is_a_token_like_any_other()
    {
        var result = new TextGenerator(ScriptedModel.Writing("Hi", "!")).Generate("Hi", new() { MaxTokens = 3, StopAtEndOfText = false });
        Assert.Equal("!<|endoftext|><|endoftext|>", result.Text);
        Assert.Equal(FinishReason.Length, result.FinishReason);
    }

    [Theory]
    [InlineData(5)] // shorter than the context
    [InlineData(12)] // equally long
    [InlineData(40)] // longer: cropped
    public void Sliding_is_the_books_cropping_token_for_token(int promptLength)
    {
        const int ContextLength = 12, MaxTokens = 50;
        int[] prompt = [.. Enumerable.Range(0, promptLength).Select(i => (i * 37) % 256)];

        // generate_text_simple: the last tokens, a whole forward pass, the arg-max.
        var expected = prompt.ToList();
        for (int step = 0; step < MaxTokens; step++)
        {
            float[] logits = ScriptedModel.HashedLogits(expected.TakeLast(ContextLength).ToList());
            expected.Add(Array.IndexOf(logits, logits.Max()));
        }

        var result = new TextGenerator(ScriptedModel.Hashing(ContextLength)).Generate(prompt, new() { MaxTokens = MaxTokens });
        Assert.Equal(expected.Skip(promptLength), result.TokenIds);
    }

    [Fact]
    public void Keeping_half_predicts_from_at_least_half_a_context()
    {
        const int ContextLength = 8;
        var ids = new List<int> { 1, 2, 3 };
        int held = 3;
        for (int step = 0; step < 30; step++)
        {
            float[] logits = ScriptedModel.HashedLogits(ids.TakeLast(held).ToList());
            ids.Add(Array.IndexOf(logits, logits.Max()));
            held = held == ContextLength ? ContextLength / 2 : held + 1;
        }

        var result = new TextGenerator(ScriptedModel.Hashing(ContextLength)).Generate(
            [1, 2, 3], new() { MaxTokens = 30, Overflow = ContextOverflow.KeepHalf });
        Assert.Equal(ids.Skip(3), result.TokenIds);
    }

    [Fact]
    public void Stopping_at_a_full_context_generates_what_still_fits_and_one_token_beyond()
    {
        var generator = new TextGenerator(ScriptedModel.Hashing(8), new() { Overflow = ContextOverflow.Stop });
        var result = generator.Generate([1, 2, 3]);
        Assert.Equal(6, result.TokenIds.Count); // the last token is predicted from a full context and need not be read
        Assert.Equal(FinishReason.ContextFull, result.FinishReason);

        var error = Assert.Throws<ArgumentException>(() => generator.Generate(new int[9]));
        Assert.Contains("9 tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_sequence_ends_the_text_before_it_even_if_it_spans_tokens()
    {
        var model = ScriptedModel.Writing("Q:", "some\n\nmore\n\nEND");
        var result = new TextGenerator(model).Generate("Q:", new() { StopSequences = ["more\n", "\n\nE", "e\n\nm"] });
        Assert.Equal("som", result.Text);
        Assert.Equal(FinishReason.StopSequence, result.FinishReason);
        Assert.Equal("some\n\nm", new ByteTokenizer().Decode([.. result.TokenIds]));
    }

    [Fact]
    public void The_beginning_of_an_incomplete_stop_sequence_is_part_of_the_text()
    {
        var result = new TextGenerator(ScriptedModel.Writing("", "abcabcabx", 64)).Generate(
            "", new() { StopSequences = ["abcabd"], MaxTokens = 8 });
        Assert.Equal("bcabcabx", result.Text); // an empty prompt is one token, the end of text, in place of the script's first
    }

    [Fact]
    public void An_empty_prompt_starts_from_the_end_of_text_token()
    {
        int[]? seen = null;
        var model = new ScriptedModel(16, ids =>
        {
            seen ??= [.. ids];
            return ScriptedModel.HashedLogits(ids);
        });
        Assert.Equal(1, new TextGenerator(model).Generate("", new() { MaxTokens = 1 }).PromptTokenCount);
        Assert.Equal([ByteTokenizer.EndOfText], seen!);
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_refused_by_name()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new TextGenerator(ScriptedModel.Hashing(8)).Generate([1, 999]));
        Assert.Contains("999 at position 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streamed_chunks_contain_whole_characters_and_add_up_to_the_text()
    {
        const string Text = "naïve 👩‍🚀 日本語 שלום\n";
        var model = ScriptedModel.Writing("p", Text);
        var chunks = new List<GeneratedChunk>();
        await foreach (
            var chunk in new TextGenerator(model).StreamAsync(
                "p", new() { MaxTokens = 200 }, TestContext.Current.CancellationToken)) chunks.Add(chunk);

        Assert.Equal(Text, string.Concat(chunks));
        Assert.All(chunks, chunk => Assert.DoesNotContain(System.Text.Rune.ReplacementChar, chunk.Text.EnumerateRunes().ToArray()));
        Assert.Equal(new ByteTokenizer().Encode(Text), chunks.SelectMany(chunk => chunk.TokenIds));
        Assert.Equal(FinishReason.EndOfText, chunks[^1].FinishReason);
        Assert.All(chunks.SkipLast(1), chunk => Assert.Null(chunk.FinishReason));
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public async Task No_part_of_a_stop_sequence_is_streamed()
    {
        var chunks = new List<string>();
        var options = new GenerationOptions { StopSequences = ["<end>"] };
        await foreach (
            var chunk in new TextGenerator(ScriptedModel.Writing("p", "a < b <e> <end> c")).StreamAsync(
                "p", options, TestContext.Current.CancellationToken)) chunks.Add(chunk.Text);

        Assert.Equal("a < b <e> ", string.Concat(chunks));
        Assert.DoesNotContain("<", chunks); // held back until it is decided
    }

    [Fact]
    public void A_character_that_the_prompts_ids_begin_is_completed()
    {
        byte[] bytes = "é"u8.ToArray();
        var model = new ScriptedModel(
            8,
            ids => Enumerable.Range(0, 257).Select(id => id == (ids.Count == 1 ? bytes[1] : ByteTokenizer.EndOfText) ? 1f : 0).ToArray());
        Assert.Equal("é", new TextGenerator(model).Generate([(int)bytes[0]]).Text);
    }

    [Fact]
    public async Task A_canceled_generation_throws_and_frees_its_sequences()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var model = ScriptedModel.Hashing(64);
        var generator = new TextGenerator(model, new() { MaxTokens = int.MaxValue });
        int count = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var chunk in generator.StreamAsync("abc").WithCancellation(source.Token))
            {
                if (++count == 5) await source.CancelAsync();
            }
        });
        Assert.Throws<OperationCanceledException>(() => generator.Generate("abc", cancellationToken: source.Token));
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public void Leaving_a_batch_early_frees_its_sequences()
    {
        var model = ScriptedModel.Hashing(64);
        _ = new TextGenerator(model).GenerateBatch(["a", "b", "c"], Sampling).First();
        Assert.Equal(0, model.LiveSequences);
    }

    [Theory]
    [InlineData(RandomAlgorithm.Xoshiro256)]
    [InlineData(RandomAlgorithm.PyTorch)]
    public void A_seed_reproduces_its_text_and_the_first_sample_equals_a_single_one(RandomAlgorithm algorithm)
    {
        var options = Sampling with { RandomAlgorithm = algorithm, BatchSize = 2 };
        var model = ScriptedModel.Hashing(64);
        var generator = new TextGenerator(model, options);
        var samples = generator.GenerateSamples("abc", 5);

        Assert.Equal(Enumerable.Range(0, 5), samples.Select(sample => sample.SampleIndex));
        Assert.Equal(5, samples.Select(Ids).Distinct().Count());
        Assert.Equal(Ids(generator.Generate("abc")), Ids(samples[0]));
        Assert.Equal(samples.Select(Ids), generator.GenerateSamples("abc", 5, options with { BatchSize = 8 }).Select(Ids));
        Assert.Equal(5, model.LargestStep);
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public void The_reported_seed_reproduces_a_text_generated_without_one()
    {
        var generator = new TextGenerator(ScriptedModel.Hashing(64), Sampling with { Seed = null });
        var first = generator.Generate("abc");
        Assert.NotEqual(Ids(first), Ids(generator.Generate("abc")));
        Assert.Equal(Ids(first), Ids(generator.Generate("abc", Sampling with { Seed = first.Seed })));
    }

    [Fact]
    public void Each_prompt_of_a_batch_gets_the_same_text_as_alone()
    {
        var model = ScriptedModel.Hashing(24);
        var generator = new TextGenerator(model, Sampling with { BatchSize = 3, MaxTokens = 25 });
        string[] prompts = ["a", "bb", "a longer one that is cropped to the context", "dddd", "", "f", "gg"];
        var results = generator.GenerateBatch(prompts).ToList();
        Assert.Equal(prompts.Select(prompt => Ids(generator.Generate(prompt))), results.Select(Ids));
        Assert.Equal(3, model.LargestStep);
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_models_own_distribution()
    {
        var options = Sampling with { Temperature = 2, RepetitionPenalty = 1.3, CandidateCount = 3, MaxTokens = 10 };
        var ids = new List<int> { 65 };
        var result = new TextGenerator(ScriptedModel.Hashing(64)).Generate("A", options);
        double sum = 0;
        foreach (var token in result.Tokens)
        {
            double[] logits = [.. ScriptedModel.HashedLogits(ids).Select(logit => (double)logit)];
            double logSumExp = Math.Log(logits.Sum(Math.Exp));
            Assert.Equal(logits[token.Id] - logSumExp, token.LogProbability, 12);
            Assert.Equal(
                logits.Select((logit, id) => (logit, id)).OrderByDescending(entry => entry.logit).Take(3).Select(entry => entry.id),
                token.Candidates.Select(candidate => candidate.Id));
            Assert.All(token.Candidates, candidate => Assert.Equal(logits[candidate.Id] - logSumExp, candidate.LogProbability, 12));
            Assert.Equal(logits.Count(logit => logit > logits[token.Id]), token.Rank);
            Assert.Equal(logits.Max() - logSumExp, token.TopLogProbability, 12);
            Assert.Equal((ids.Count - 1, ids.Count), (token.Position, token.ContextCount));
            Assert.Equal(token.Text, result.Text.Substring(token.Start, token.Length));
            ids.Add(token.Id);
            sum += token.LogProbability;
        }

        Assert.Equal(sum, result.LogProbability!.Value, 12);
        Assert.Equal(result.TokenIds, result.Tokens.Select(token => token.Id));
        Assert.Equal(result.Text, string.Concat(result.Tokens.Select(token => token.Text)));
    }

    [Fact]
    public void Special_tokens_in_the_prompt_are_read_as_requested()
    {
        var tokenizer = new RecordingTokenizer();
        var model = new TokenizerModel(tokenizer);
        new TextGenerator(model).Generate("x", new() { PromptSpecialTokens = SpecialTokens.Literal, MaxTokens = 1 });
        Assert.Equal(SpecialTokens.Literal, tokenizer.Last);
    }

    [Fact]
    public async Task The_async_form_generates_the_same_text_and_can_be_canceled()
    {
        var generator = new TextGenerator(ScriptedModel.Hashing(64), Sampling);
        Assert.Equal(
            generator.Generate("A").Text,
            (await generator.GenerateAsync("A", cancellationToken: TestContext.Current.CancellationToken)).Text);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => generator.GenerateAsync("A", cancellationToken: new(canceled: true)));
    }

    private static string Ids(GeneratedText text) => string.Join(' ', text.TokenIds);

    private sealed class RecordingTokenizer : ITextTokenizer
    {
        private readonly ByteTokenizer _inner = new();

        public SpecialTokens? Last { get; private set; }

        public int VocabularySize => _inner.VocabularySize;

        public int? EndOfTextId => _inner.EndOfTextId;

        public int[] Encode(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized)
        {
            Last = specialTokens;
            return _inner.Encode(text, specialTokens);
        }

        public int Count(ReadOnlySpan<char> text, SpecialTokens specialTokens = SpecialTokens.Recognized) =>
            _inner.Count(text, specialTokens);

        public string Decode(ReadOnlySpan<int> ids) => _inner.Decode(ids);

        public ReadOnlyMemory<byte> TokenBytes(int id) => _inner.TokenBytes(id);

        public ITokenStreamDecoder CreateStreamDecoder() => _inner.CreateStreamDecoder();
    }

    private sealed class TokenizerModel(ITextTokenizer tokenizer) : ISequenceModel
    {
        private readonly ScriptedModel _inner = ScriptedModel.Hashing(16);

        public int ContextLength => _inner.ContextLength;

        public ITextTokenizer Tokenizer => tokenizer;

        public ISequence Start() => _inner.Start();

        public void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken) =>
            _inner.Step(sequences, ids, cancellationToken);
    }
}
