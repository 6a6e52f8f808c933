using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Tests.Training.Managed;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>The library's network and the gradients of its engine against the decoder on TorchSharp.</summary>
[Collection(TorchCollection.Name)]
public class DecoderTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void Logits_are_those_of_the_decoder_on_TorchSharp(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        using var decoder = new TorchDecoder(description, weights);
        using var model = NewModel(description, weights);
        foreach (int count in new[] { 1, 64, 128 })
        {
            int[] ids = description.RandomIds(count, seed: count);
            double[] expected = decoder.Logits(ids);
            float[] actual = model.ComputeLogits(ids);
            Assert.Equal(expected.Length, actual.Length);
            double difference = expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();
            Assert.InRange(difference / expected.Max(Math.Abs), 0, 5e-6);
        }
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void Gradients_and_loss_are_those_of_autograd(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        var batch = Batches.Create(LibraryDecoder.Config(description), batchSize: 3, tokens: 41, seed: 2);
        using var decoder = new TorchDecoder(description, weights);
        var (loss, gradients) = decoder.Backward([.. batch.Inputs], [.. batch.Targets], sequenceCount: 3);

        using var engine = new ManagedEngine(LibraryDecoder.Weights(description, weights), new() { ThreadCount = 2 });
        Assert.Equal(loss, engine.Accumulate(batch, share: 1), 1e-5);
        foreach (var (tensor, expected) in gradients)
        {
            float[] actual = [.. LibraryDecoder.Names(description, tensor).SelectMany(engine.Gradient)];
            Assert.Equal(expected.Length, actual.Length);
            double scale = Math.Sqrt(expected.Average(value => value * value));
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.True(
                    Math.Abs(expected[i] - actual[i]) <= 1e-4 * Math.Max(scale, Math.Abs(expected[i])),
                    $"{tensor}[{i}]: {actual[i]} instead of {expected[i]}, of {scale} in the mean");
            }
        }
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void Tokens_one_by_one_and_in_batches_get_the_bits_of_the_whole_text(string name)
    {
        var description = DecoderFamilies.Named(name);
        using var model = NewModel(description, description.RandomWeights(seed: 1));
        int v = description.VocabularySize;
        int[] ids = description.RandomIds(100, seed: 2), others = description.RandomIds(100, seed: 3);
        float[] expected = model.ComputeLogits(ids), expectedOthers = model.ComputeLogits(others);
        using GptSession session = model.CreateSession(), first = model.CreateSession(), second = model.CreateSession();
        session.Append(ids.AsSpan(0, 7), Cancellation);
        first.Append(ids.AsSpan(0, 50), Cancellation);
        second.Append(others.AsSpan(0, 13), Cancellation);
        for (int t = 7; t < 60; t++)
        {
            Assert.Equal(expected.AsSpan(t * v, v), session.Append(ids.AsSpan(t, 1), Cancellation));
            if (t + 43 >= 100) continue;
            model.Step([first, second], [ids[t + 43], others[t + 6]], Cancellation);
            Assert.Equal(expected.AsSpan((t + 43) * v, v), first.Logits);
            Assert.Equal(expectedOthers.AsSpan((t + 6) * v, v), second.Logits);
        }

        Assert.Equal(expected.AsSpan(99 * v), session.Append(ids.AsSpan(60), Cancellation));
        session.Truncate(30);
        Assert.Equal(expected.AsSpan(69 * v, v), session.Append(ids.AsSpan(30, 40), Cancellation));
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void Scores_do_not_depend_on_batches_threads_or_register_widths(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        int[] lengths = [1, 57, 0, 30, 64, 2];
        int[] inputs = description.RandomIds(lengths.Sum(), seed: 2), targets = description.RandomIds(lengths.Sum(), seed: 3);
        TokenScore[]? expected = null;

        // Narrower kernels without a fused multiply-add give other last bits.
        var widths = Fma.IsSupported || AdvSimd.IsSupported ? KernelSet.All : [KernelSet.Best];
        foreach (var kernels in widths)
        {
            foreach (int threadCount in new[] { 1, 2, 5 })
            {
                using var model = GptModel.FromWeights(
                    weights, new CountingTokenizer(description.VocabularySize), new() { ThreadCount = threadCount }, kernels);
                var together = new TokenScore[inputs.Length];
                model.Score(inputs, targets, lengths, together, Cancellation);
                expected ??= together;
                Assert.Equal(expected, together);
                if (threadCount != 2) continue;
                int start = 0;
                foreach (int length in lengths)
                {
                    var alone = new TokenScore[length];
                    model.Score(inputs.AsSpan(start, length), targets.AsSpan(start, length), [length], alone, Cancellation);
                    Assert.Equal(expected[start..(start + length)], alone);
                    start += length;
                }
            }
        }
    }

    /// <summary>The head is computed in one way for logits, in another for losses and candidates.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("gemma2")]
    [InlineData("gemma3-caps")]
    public void Losses_and_ranks_are_those_of_the_logits(string name)
    {
        var description = DecoderFamilies.Named(name);
        using var model = NewModel(description, description.RandomWeights(seed: 1));
        int v = description.VocabularySize;
        int[] ids = description.RandomIds(60, seed: 2), targets = description.RandomIds(60, seed: 3);
        float[] logits = model.ComputeLogits(ids);
        var scores = new TokenScore[60];
        model.Score(ids, targets, [60], scores, Cancellation);
        for (int t = 0; t < 60; t++)
        {
            float[] row = logits[(t * v)..((t + 1) * v)];
            double logSumExp = Math.Log(row.Sum(logit => Math.Exp(logit)));
            Assert.Equal(logSumExp - row[targets[t]], scores[t].NegativeLogLikelihood, 1e-5);
            Assert.Equal(logSumExp - row.Max(), scores[t].TopNegativeLogLikelihood, 1e-5);
            Assert.Equal(row.Count(logit => logit > row[targets[t]]), scores[t].Rank);
        }
    }

    public static TheoryData<string, WeightPrecision, double> Precisions
    {
        get
        {
            var data = new TheoryData<string, WeightPrecision, double>();
            foreach (string name in new[] { "llama3", "mistral", "qwen3", "gemma2", "gemma3", "nanogpt" })
            {
                data.Add(name, WeightPrecision.BFloat16, 0.02);
                data.Add(name, WeightPrecision.Int8, 0.05);
                data.Add(name, WeightPrecision.Int4, 0.5);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Precisions))]
    public void Rounded_weights_give_similar_logits_with_the_same_bits_however_they_are_computed(
        string name, WeightPrecision precision, double tolerance)
    {
        var description = DecoderFamilies.Named(name);
        var weights = LibraryDecoder.Weights(description, description.RandomWeights(seed: 1));
        int v = description.VocabularySize;
        int[] ids = description.RandomIds(50, seed: 2);
        using var exact = GptModel.FromWeights(weights, new CountingTokenizer(v));
        using var model = GptModel.FromWeights(weights, new CountingTokenizer(v), new() { Precision = precision, ThreadCount = 1 });
        using var other = GptModel.FromWeights(weights, new CountingTokenizer(v), new() { Precision = precision, ThreadCount = 3 });
        float[] expected = model.ComputeLogits(ids);
        Assert.Equal(expected, other.ComputeLogits(ids));
        Assert.InRange(Math.Sqrt(exact.ComputeLogits(ids).Zip(expected, (x, y) => (double)(x - y) * (x - y)).Average()), 1e-6, tolerance);

        using GptSession session = other.CreateSession(), first = other.CreateSession();
        session.Append(ids.AsSpan(0, 20), Cancellation);
        first.Append(ids.AsSpan(0, 5), Cancellation);
        for (int t = 20; t < 40; t++)
        {
            other.Step([session, first], [ids[t], ids[t - 15]], Cancellation);
            Assert.Equal(expected.AsSpan(t * v, v), session.Logits);
            Assert.Equal(expected.AsSpan((t - 15) * v, v), first.Logits);
        }

        Assert.Equal(expected.AsSpan(49 * v), session.Append(ids.AsSpan(40), Cancellation));
    }

    /// <summary>A token of a layer with a window is out of reach of one that is farther away, in every layer together.</summary>
    [Fact]
    public void A_token_beyond_all_windows_does_not_matter()
    {
        var description = DecoderFamilies.Named("mistral") with { Window = 8, LayerCount = 2 };
        using var model = NewModel(description, description.RandomWeights(seed: 1));
        int v = description.VocabularySize;
        int[] ids = description.RandomIds(60, seed: 2), changed = [(ids[0] + 1) % v, .. ids[1..]];
        float[] logits = model.ComputeLogits(ids), logitsAfterChange = model.ComputeLogits(changed);
        const int Reach = 2 * (8 - 1); // positions that information of the first token gets ahead
        Assert.NotEqual(logits[(Reach * v)..((Reach + 1) * v)], logitsAfterChange[(Reach * v)..((Reach + 1) * v)]);
        Assert.Equal(logits.AsSpan((Reach + 1) * v), logitsAfterChange.AsSpan((Reach + 1) * v));
    }

    private static GptModel NewModel(DecoderDescription description, Dictionary<string, NamedTensor> weights) => GptModel.FromWeights(
        LibraryDecoder.Weights(description, weights), new CountingTokenizer(description.VocabularySize), new() { ThreadCount = 2 });
}
