using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Tests.Inference;

public class ThreadingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    [InlineData(WeightPrecision.Int8, true)]
    public void Results_do_not_depend_on_the_number_of_threads_or_the_width_of_registers(WeightPrecision precision, bool hasBlocks = false)
    {
        var config = hasBlocks ? GptModelTests.Odd with { EmbeddingWidth = 96 } : GptModelTests.Odd;
        var weights = hasBlocks ? RandomWeights.OfBlocks(config) : RandomWeights.Of(config);
        int[] ids = RandomWeights.Ids(config, 281);
        float[]? logits = null;
        TokenScore[]? scores = null, ofTexts = null;

        // Narrower kernels without a fused multiply-add give other last bits.
        var widths = Fma.IsSupported || AdvSimd.IsSupported ? KernelSet.All : [KernelSet.Best];
        foreach (var kernels in widths)
        {
            foreach (int threadCount in new[] { 1, 2, 3, 8 })
            {
                using var model = GptModel.FromWeights(
                    weights,
                    new CountingTokenizer(config.VocabularySize),
                    new() { Precision = precision, ThreadCount = threadCount },
                    kernels);
                Assert.Equal(hasBlocks, model.Weights.Head.HasBlocks);
                float[] logitsNow = model.ComputeLogits(ids);
                var scoresNow = new TokenScore[280];
                model.Score(ids.AsSpan(0, 280), ids.AsSpan(1), [280], scoresNow, Cancellation);
                logits ??= logitsNow;
                scores ??= scoresNow;

                // Each thread computes some of many short texts.
                var ofTextsNow = new TokenScore[280];
                int[] lengths = [.. Enumerable.Repeat(7, 39), 0, 7];
                model.Score(ids.AsSpan(0, 280), ids.AsSpan(1), lengths, ofTextsNow, Cancellation);
                ofTexts ??= ofTextsNow;
                Assert.Equal(ofTexts, ofTextsNow);
                Assert.Equal(logits, logitsNow);
                Assert.Equal(scores, scoresNow);
            }
        }
    }

    [Fact]
    public void Many_threads_use_a_model_concurrently_and_get_the_results_of_a_single_one()
    {
        using var model = NewModel();
        int v = model.Config.VocabularySize;
        int[] ids = RandomWeights.Ids(model.Config, 120);
        float[] logits = model.ComputeLogits(ids);
        var scores = new TokenScore[119];
        model.Score(ids.AsSpan(0, 119), ids.AsSpan(1), [119], scores, Cancellation);
        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation }, i =>
        {
            if (i % 3 == 0)
            {
                var again = new TokenScore[119];
                model.Score(ids.AsSpan(0, 119), ids.AsSpan(1), [119], again, Cancellation);
                Assert.Equal(scores, again);
                return;
            }

            using var session = model.CreateSession();
            session.Append(ids.AsSpan(0, 20 + i), Cancellation);
            for (int t = 20 + i; t < ids.Length; t++) Assert.Equal(logits.AsSpan(t * v, v), session.Append(ids.AsSpan(t, 1), Cancellation));
        });
    }

    [Fact]
    public async Task A_model_and_its_sessions_can_be_disposed_while_others_use_them()
    {
        for (int round = 0; round < 10; round++)
        {
            var model = NewModel();
            GptSession[] sessions = [.. Enumerable.Range(0, 4).Select(_ => model.CreateSession())];
            var users = sessions.Select(session => Task.Run(() =>
            {
                try
                {
                    for (int i = 0; i < 200; i++) Assert.Equal(131, session.Append([i % 131], Cancellation).Length);
                }
                catch (ObjectDisposedException)
                {
                    return true;
                }

                return false;
            })).ToArray();
            await Task.Delay(round, Cancellation);
            sessions[0].Dispose();
            model.Dispose();
            await Task.WhenAll(users);
            foreach (var session in sessions) session.Dispose();
            Assert.Throws<ObjectDisposedException>(() => sessions[1].Append([1], Cancellation));
        }
    }

    [Fact]
    public void A_session_supports_one_call_at_a_time()
    {
        using var model = NewModel();
        using var session = model.CreateSession();
        int refused = 0, done = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancellation }, i =>
        {
            try
            {
                session.Append([i % 131], Cancellation);
                Interlocked.Increment(ref done);
            }
            catch (InvalidOperationException)
            {
                Interlocked.Increment(ref refused);
            }
        });
        Assert.Equal(200, done + refused);
        Assert.Equal(done, session.Position);
    }

    private static GptModel NewModel() => GptModel.FromWeights(
        RandomWeights.Of(GptModelTests.Odd), new CountingTokenizer(GptModelTests.Odd.VocabularySize), new() { ThreadCount = 3 });
}
