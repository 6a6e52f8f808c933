using System.Text;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>Streams of one model share its passes, and none of them notices the others.</summary>
public class StreamSchedulerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public async Task Streams_that_come_and_go_at_random_get_the_texts_that_they_would_get_alone(WeightPrecision precision)
    {
        var config = GptPresets.Tiny with { VocabularySize = 257, ContextLength = 100 };
        using var model = GptModel.FromWeights(
            RandomWeights.Of(config, deviation: 0.3f), new ByteTokenizer(), new() { Precision = precision });
        var random = new Random(8);
        GenerationOptions[] options =
        [
            new() { MaxTokens = 40 },
            new() { MaxTokens = 60, LookupDecoding = true, ReturnLogProbabilities = true },
            new() { MaxTokens = 40, Temperature = 1.2, TopK = 50, Seed = 3, CandidateCount = 2 },
            new() { MaxTokens = 50, Temperature = 0.9, TopP = 0.9, RepetitionPenalty = 1.2, Seed = 4, Overflow = ContextOverflow.KeepHalf },
            new() { MaxTokens = 120, Temperature = 1, Seed = 5, Overflow = ContextOverflow.Stop, StopAtEndOfText = false },
            new() { MaxTokens = 30, Temperature = 1, Seed = 6, StopSequences = ["e", "qu"] },
        ];
        var streams = Enumerable.Range(0, 18).Select(i => (
            Prompt: Enumerable.Range(0, random.Next(1, i % 6 == 4 ? 100 : 300)).Select(_ => random.Next(97, 100)).ToArray(),
            Options: options[i % 6],
            Delay: random.Next(60),
            LeavesAfter: i % 9 == 7 ? random.Next(1, 10) : int.MaxValue)).ToArray();

        var texts = await Task.WhenAll(streams.Select(async stream =>
        {
            await Task.Delay(stream.Delay, Cancellation);
            var generator = new TextGenerator(model);
            return await Collect(generator.StreamAsync(stream.Prompt, stream.Options, Cancellation), stream.LeavesAfter);
        }));

        var alone = new TextGenerator(model);
        foreach (var (stream, (text, tokens, scored, reason)) in streams.Zip(texts))
        {
            var expected = alone.Generate(stream.Prompt, stream.Options, Cancellation);
            if (reason is null)
            {
                Assert.StartsWith(text, expected.Text, StringComparison.Ordinal);
                Assert.Equal(expected.TokenIds.Take(tokens.Count), tokens);
                continue;
            }

            Assert.Equal(expected.Text, text);
            Assert.Equal(expected.TokenIds, tokens);
            Assert.Equal(expected.Tokens.Select(Figures), scored.Select(Figures));
            Assert.Equal(expected.FinishReason, reason);
        }
    }

    [Fact]
    public async Task Streams_that_run_together_share_each_step()
    {
        using var othersWait = new ManualResetEventSlim();
        var model = new ScriptedModel(64, ids =>
        {
            othersWait.Wait(Cancellation);
            return ScriptedModel.HashedLogits(ids);
        });
        var generator = new TextGenerator(model, new() { MaxTokens = 10 });
        var texts = Enumerable.Range(0, 8).Select(i => Collect(generator.StreamAsync([i], cancellationToken: Cancellation))).ToArray();
        othersWait.Set();
        for (int i = 0; i < 8; i++)
        {
            var expected = new TextGenerator(ScriptedModel.Hashing(64)).Generate([i], new() { MaxTokens = 10 }, Cancellation);
            Assert.Equal(expected.TokenIds, (await texts[i]).Ids);
        }

        Assert.Equal(8, model.LargestStep);
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public async Task Async_texts_equal_synchronous_ones_in_every_property()
    {
        var options = new GenerationOptions { MaxTokens = 12, Temperature = 1, Seed = 2, CandidateCount = 1 };
        var generator = new TextGenerator(ScriptedModel.Hashing(64), options);
        var text = await generator.GenerateAsync("b", cancellationToken: Cancellation);
        var expected = generator.Generate("b", cancellationToken: Cancellation);
        Assert.Equal(expected.Text, text.Text);
        Assert.Equal(expected.TokenIds, text.TokenIds);
        Assert.Equal(expected.Tokens.Select(Figures), text.Tokens.Select(Figures));
        Assert.Equal(
            (expected.FinishReason, expected.PromptTokenCount, expected.Seed, expected.SampleIndex),
            (text.FinishReason, text.PromptTokenCount, text.Seed, text.SampleIndex));
    }

    [Fact]
    public async Task A_long_prompt_is_read_between_the_steps_of_the_others()
    {
        using var newcomer = new ManualResetEventSlim();
        var lengths = new List<int>(); // of the sequences, in the order in which they grew
        var model = new ScriptedModel(1024, ids =>
        {
            lengths.Add(ids.Count);
            if (lengths.Count == 3) newcomer.Wait(Cancellation);
            return ScriptedModel.HashedLogits(ids);
        });
        var generator = new TextGenerator(model);
        var first = Collect(generator.StreamAsync([1], new() { MaxTokens = 15 }, Cancellation));
        var second = Collect(generator.StreamAsync(new int[600], new() { MaxTokens = 1 }, Cancellation));
        newcomer.Set();
        await first;
        await second;
        int[] reading = [.. lengths.Index().Where(each => each.Item >= 64).Select(each => each.Index)];
        Assert.Equal([64, 128, 192, 256, 320, 384, 448, 512, 576, 600], reading.Select(index => lengths[index]));
        Assert.All(reading.Zip(reading.Skip(1)).Take(8), pair => Assert.Equal(2, pair.Second - pair.First));
    }

    [Fact]
    public async Task The_failure_of_a_stream_is_its_own()
    {
        using var othersWait = new ManualResetEventSlim();
        var inner = new ScriptedModel(64, ids =>
        {
            othersWait.Wait(Cancellation);
            float[] logits = ScriptedModel.HashedLogits(ids);
            if (ids[0] == 2 && ids.Count == 5) logits.AsSpan().Fill(float.NaN);
            return logits;
        });
        var generator = new TextGenerator(new FailingModel(inner), new() { MaxTokens = 20 });
        var texts = Enumerable.Range(0, 4).Select(i => Collect(generator.StreamAsync([i], cancellationToken: Cancellation))).ToArray();
        othersWait.Set();
        Assert.Equal("of the test", (await Assert.ThrowsAsync<InvalidDataException>(() => texts[1])).Message);
        Assert.Contains("NaN", (await Assert.ThrowsAsync<InvalidOperationException>(() => texts[2])).Message, StringComparison.Ordinal);
        foreach (int i in (int[])[0, 3])
        {
            var expected = new TextGenerator(ScriptedModel.Hashing(64)).Generate([i], new() { MaxTokens = 20 }, Cancellation);
            Assert.Equal(expected.TokenIds, (await texts[i]).Ids);
        }

        Assert.Equal(0, inner.LiveSequences);
    }

    [Fact]
    public async Task A_stream_that_is_canceled_or_left_does_not_disturb_the_others()
    {
        var model = ScriptedModel.Hashing(64);
        var generator = new TextGenerator(model, new() { MaxTokens = int.MaxValue });
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var canceled = Collect(generator.StreamAsync("a", cancellationToken: source.Token));
        var left = Collect(generator.StreamAsync("b", cancellationToken: Cancellation), count: 100);
        var whole = Collect(generator.StreamAsync("c", new() { MaxTokens = 300 }, Cancellation));
        await left;
        await source.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => canceled);
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal(
            new TextGenerator(ScriptedModel.Hashing(64)).Generate("c", new() { MaxTokens = 300 }, Cancellation).TokenIds,
            (await whole).Ids);
        Assert.Equal(0, model.LiveSequences);
    }

    [Fact]
    public async Task Generation_waits_for_a_slow_reader()
    {
        var model = ScriptedModel.Writing("a", new string('b', 60));
        var generator = new TextGenerator(model, new() { MaxTokens = 60 });
        await using var reader = generator.StreamAsync("a", cancellationToken: Cancellation).GetAsyncEnumerator(Cancellation);
        List<int> ids = [];
        Assert.True(await reader.MoveNextAsync());
        ids.AddRange(reader.Current.TokenIds);
        SpinWait.SpinUntil(() => model.PassCount >= 16);
        await Task.Delay(20, Cancellation);
        Assert.InRange(model.PassCount, 16, 17);

        while (await reader.MoveNextAsync()) ids.AddRange(reader.Current.TokenIds);
        Assert.Equal(generator.Generate("a", cancellationToken: Cancellation).TokenIds, ids);
    }

    [Fact]
    public async Task Streams_of_a_disposed_model_throw()
    {
        var config = GptPresets.Tiny with { VocabularySize = 257, ContextLength = 24 };
        var model = GptModel.FromWeights(RandomWeights.Of(config, deviation: 0.3f), new ByteTokenizer());
        var generator = new TextGenerator(model, new() { MaxTokens = int.MaxValue });
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var streams = Enumerable.Range(0, 3).Select(async i =>
        {
            await foreach (var chunk in generator.StreamAsync([97 + i], cancellationToken: Cancellation)) started.TrySetResult();
        }).ToArray();
        await started.Task;
        model.Dispose();
        foreach (var stream in streams) await Assert.ThrowsAsync<ObjectDisposedException>(() => stream);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Collect(generator.StreamAsync("a", cancellationToken: Cancellation)));
    }

    private static object Figures(ScoredToken token) => (
        token.Id, token.LogProbability, token.Rank, token.Start, token.ContextCount,
        string.Join(' ', token.Candidates.Select(candidate => $"{candidate.Id} {candidate.LogProbability:R}")));

    private static async Task<(string Text, List<int> Ids, List<ScoredToken> Tokens, FinishReason? Reason)> Collect(
        IAsyncEnumerable<GeneratedChunk> chunks, int count = int.MaxValue)
    {
        var text = new StringBuilder();
        List<int> ids = [];
        List<ScoredToken> tokens = [];
        FinishReason? reason = null;
        await foreach (var chunk in chunks.Take(count))
        {
            text.Append(chunk.Text);
            ids.AddRange(chunk.TokenIds);
            tokens.AddRange(chunk.Tokens);
            reason = chunk.FinishReason;
        }

        return (text.ToString(), ids, tokens, reason);
    }

    /// <summary>Fails, before any sequence changes, in every step of the sequence that begins with 1 once it has 4 tokens.</summary>
    private sealed class FailingModel(ScriptedModel inner) : ISequenceModel
    {
        public int ContextLength => inner.ContextLength;

        public ITextTokenizer Tokenizer => inner.Tokenizer;

        public ISequence Start() => new Sequence(inner.Start());

        public void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
        {
            foreach (var sequence in sequences) ((Sequence)sequence).Check();
            for (int i = 0; i < sequences.Length; i++) sequences[i].Append([ids[i]], cancellationToken);
        }

        private sealed class Sequence(ISequence inner) : ISequence
        {
            private int? _first;

            public int Position => inner.Position;

            public ReadOnlySpan<float> Logits => inner.Logits;

            public void Check()
            {
                if (_first == 1 && Position == 4) throw new InvalidDataException("of the test");
            }

            public void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken)
            {
                Check();
                _first ??= ids[0];
                inner.Append(ids, cancellationToken);
            }

            public void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken) =>
                inner.AppendAll(ids, logits, cancellationToken);

            public void Truncate(int position) => inner.Truncate(position);

            public ISequence Fork() => throw new NotSupportedException();

            public void Dispose() => inner.Dispose();
        }
    }
}
