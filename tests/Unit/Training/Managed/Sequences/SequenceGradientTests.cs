using MLNet.Gpt.Data;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Training.Engines;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed.Sequences;

/// <summary>Compares gradients of packed sequences with those of TorchSharp's autograd in double precision.</summary>
[Collection(TorchCollection.Name)]
public class SequenceGradientTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string, string, double> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, double>();
            foreach (string decoder in (string[])["gpt2", "llama"])
            {
                string[] tasks = [Tasks.Tokens, Tasks.Responses, Tasks.Classes, Tasks.Numbers];
                foreach (string task in tasks) cases.Add(decoder, task, 0);
                cases.Add(decoder, Tasks.Responses, 0.1);
                cases.Add(decoder, Tasks.Classes, 0.2);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_and_loss_equal_autograds(string decoder, string task, double smoothing)
    {
        var weights = Tasks.Weights(decoder, task);
        var batch = Tasks.Batch(Tasks.Sequences(task, 7, seed: 4));
        Assert.False(batch.IsRectangular);
        using var engine = new ManagedEngine(weights, new() { LabelSmoothing = smoothing, ThreadCount = 2 });
        AssertSame(engine, weights, batch, smoothing, _ => false);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    public void Windows_of_a_text_give_the_same_loss(string decoder)
    {
        var weights = Tasks.Weights(decoder, Tasks.Tokens);
        var batch = Batches.Create(weights.Config, 3, 24, seed: 4);
        using var engine = new ManagedEngine(weights);
        AssertSame(engine, weights, batch, 0, _ => false);
    }

    public static TheoryData<string, string, string> FrozenCases
    {
        get
        {
            string[] trained =
            [
                "score.", // or the output head
                "final_norm.",
                "final_norm. score.",
                "trf_blocks.2. final_norm. score.",
                "trf_blocks.1.att.W_value",
                "trf_blocks.1.att.out_proj trf_blocks.2.norm1",
                "trf_blocks.1.norm1",
                "trf_blocks.1.ff. score.",
                "trf_blocks.0. trf_blocks.2.",
            ];
            var cases = new TheoryData<string, string, string>();
            foreach (string decoder in (string[])["gpt2", "llama"])
            {
                foreach (string parts in trained)
                {
                    cases.Add(decoder, Tasks.Classes, parts);
                    cases.Add(decoder, Tasks.Responses, parts.Replace("score.", "out_head.", StringComparison.Ordinal));
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(FrozenCases))]
    public void Frozen_parts_do_not_change_the_gradients_of_the_others(string decoder, string task, string trained)
    {
        var config = Tasks.Config(decoder) with { ScoreCount = Tasks.ScoreCount(task), LayerCount = 3, HasTiedHead = false };
        var weights = TinyModels.Weights(config, seed: 3);
        var batch = Tasks.Batch(Tasks.Sequences(task, 7, seed: 4));
        string[] parts = trained.Split(' ');
        using var whole = new ManagedEngine(weights);
        whole.Accumulate(batch, share: 1);
        using var engine = new ManagedEngine(weights, new() { IsFrozen = IsFrozen });
        AssertSame(engine, weights, batch, 0, IsFrozen);
        if (!parts.Contains("trf_blocks.0.")) Assert.InRange(engine.ActivationBytes, 1, whole.ActivationBytes - 1);
        else Assert.Equal(whole.ActivationBytes, engine.ActivationBytes);

        // They have the bits that they have when all are trained.
        foreach (var entry in WeightNames.For(config).Where(entry => !IsFrozen(entry.Name)))
        {
            Assert.Equal(whole.Gradient(entry.Name), engine.Gradient(entry.Name));
        }

        bool IsFrozen(string name) => !parts.Any(part => name.StartsWith(part, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gpt2", Tasks.Responses)]
    [InlineData("llama", Tasks.Responses)]
    [InlineData("gpt2", Tasks.Classes)]
    [InlineData("llama", Tasks.Numbers)]
    public void A_sequence_has_the_loss_and_the_gradients_that_it_has_alone(string decoder, string task)
    {
        var weights = Tasks.Weights(decoder, task);
        var sequences = Tasks.Sequences(task, 9, seed: 4).Where(sequence => sequence.FirstTarget < sequence.Tokens.Length).ToArray();
        using var engine = new ManagedEngine(weights);
        var packed = Tasks.Batch(sequences);
        var whole = engine.Measure(packed);
        double loss = engine.Accumulate(packed, share: 1);
        var expected = Gradients(engine);

        engine.DiscardGradients();
        var sum = LossSummary.Empty;
        double alone = 0;
        foreach (var sequence in sequences)
        {
            var batch = Tasks.Batch(sequence);
            sum += engine.Measure(batch);
            double share = (double)batch.TargetCount / packed.TargetCount;
            alone += share * engine.Accumulate(batch, share);
        }

        Assert.Equal(whole, sum); // summed exactly: the same bits for every target
        Assert.Equal(loss, alone, 1e-12);
        foreach (var (name, gradient) in expected) AssertClose(name, gradient, engine.Gradient(name), 1e-5);

        // The loss of one whose neighbors do not count is that which it has alone, bit for bit.
        if (task != Tasks.Responses) return;
        var others = sequences.Select(sequence => new TrainingSequence(sequence.Tokens) { FirstTarget = sequence.Tokens.Length }).ToArray();
        engine.DiscardGradients();
        double single = engine.Accumulate(Tasks.Batch(sequences[2]), share: 1);
        expected = Gradients(engine);
        engine.DiscardGradients();
        Assert.Equal(single, engine.Accumulate(Tasks.Batch([.. others[..2], sequences[2], .. others[3..]]), share: 1));
        foreach (var (name, gradient) in expected) AssertClose(name, gradient, engine.Gradient(name), 1e-5);
    }

    [Theory]
    [InlineData(Tasks.Responses)]
    [InlineData(Tasks.Classes)]
    [InlineData(Tasks.Numbers)]
    public void The_number_of_threads_does_not_change_a_bit(string task)
    {
        foreach (string decoder in (string[])["gpt2", "llama"])
        {
            var weights = Tasks.Weights(decoder, task);
            var expected = Train(1);
            foreach (int threads in (int[])[2, 3]) Assert.Equal(expected, Train(threads));

            List<float> Train(int threads)
            {
                double smoothing = task == Tasks.Numbers ? 0 : 0.1;
                var options = new TrainingOptions { MaxSteps = 6, BatchSize = 6, ThreadCount = threads, LabelSmoothing = smoothing };
                var dropping = new GptWeights(
                    weights.Config with { DropoutRate = 0.2 },
                    WeightNames.For(weights.Config).ToDictionary(entry => entry.Name, entry => weights[entry.Name].ToArray()));
                var trained = dropping.Train(Tasks.Data(task), options, cancellationToken: TestContext.Current.CancellationToken);
                return
                [
                    .. WeightNames.For(weights.Config).SelectMany(entry => trained.Weights[entry.Name].ToArray()),
                    .. trained.History.Points.Select(point => (float)point.ValidationLoss!.Value),
                ];
            }
        }
    }

    private static Dictionary<string, float[]> Gradients(ManagedEngine engine) =>
        WeightNames.For(engine.Weights.Config).ToDictionary(entry => entry.Name, entry => engine.Gradient(entry.Name));

    private static void AssertSame(
        ManagedEngine engine, GptWeights weights, TokenBatch batch, double smoothing, Func<string, bool> isFrozen)
    {
        double loss = engine.Accumulate(batch, share: 1);
        using var scope = torch.NewDisposeScope();
        using var network = new TorchNetwork(weights, isFrozen);
        var expected = network.Loss(batch, smoothing);
        expected.backward();
        Assert.Equal(expected.item<double>(), loss, 1e-5 * Math.Max(1, loss));
        foreach (var (name, parameter) in network.Parameters)
        {
            if (isFrozen(name)) continue;
            double[] gradient = parameter.grad is { } own ? own.flatten().data<double>().ToArray() : new double[parameter.numel()];
            AssertClose(name, Array.ConvertAll(gradient, value => (float)value), engine.Gradient(name), Tolerance);
        }
    }

    // Each element within a fraction of its own magnitude, or of the root mean square of its weight's gradient if it is smaller.
    // That of the key's bias, to which softmax is invariant, is 0 up to rounding.
    private static void AssertClose(string name, float[] expected, float[] actual, double tolerance)
    {
        double least = name.EndsWith("W_key.bias", StringComparison.Ordinal) ? 1e-1 : 1e-3;
        double scale = Math.Max(least, Math.Sqrt(expected.Average(value => (double)value * value)));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(scale, Math.Abs(expected[i])),
                $"{name}[{i}]: {actual[i]} instead of {expected[i]}, of {scale} in the mean");
        }
    }
}
