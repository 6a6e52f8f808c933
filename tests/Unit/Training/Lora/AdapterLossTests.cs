using MLNet.Gpt.Network;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Tests.Training.Managed.Sequences;

namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Losses of training of adapters, against a plain loop on TorchSharp.</summary>
[Collection(TorchCollection.Name)]
public class AdapterLossTests
{
    private const string TwoClasses = "two classes", EveryLinearLayer = "*", Blocks = "trf_blocks.*";

    /// <summary>The book's appendix E has two classes and an adapter on every linear layer, the new head included.</summary>
    [Theory]
    [InlineData("gpt2", Tasks.Tokens, Blocks)]
    [InlineData("gpt2", Tasks.Responses, EveryLinearLayer)]
    [InlineData("gpt2", TwoClasses, EveryLinearLayer)]
    [InlineData("gpt2", TwoClasses, Blocks)]
    [InlineData("llama", TwoClasses, EveryLinearLayer)]
    [InlineData("llama", Tasks.Tokens, EveryLinearLayer)]
    public void Losses_of_50_steps_are_those_of_a_plain_loop(string decoder, string task, string targets)
    {
        bool isClassifier = task == TwoClasses;
        var weights = TinyModels.Weights(Tasks.Config(decoder) with { ScoreCount = isClassifier ? 2 : null }, seed: 3);
        var data = isClassifier ? TwoClassData() : Tasks.Data(task, count: 40);
        var lora = new LoraOptions { Rank = 4, Alpha = 6, Targets = [targets] };
        var options = PlainLoop.Options with { LearningRate = 5e-3, Lora = lora };
        var start = weights.Train(data, options with { MaxSteps = 0 }, cancellationToken: TestContext.Current.CancellationToken).Adapter!;
        Assert.All(start.Matrices, matrix => Assert.All(matrix.B.ToArray(), x => Assert.Equal(0, x)));
        foreach (var adapter in (LoraAdapter[])[start, LoraAdapters.Random(weights.Config, lora, seed: 5)])
        {
            bool isHeadTrained = isClassifier && targets == Blocks;
            using var network = new TorchNetwork(
                weights, name => !isHeadTrained || !name.StartsWith("score.", StringComparison.Ordinal));
            network.Adapt(adapter);
            int trained = LoraTargets.TrainedInFull(weights.Config, lora).Count + (2 * adapter.Matrices.Count);
            Assert.Equal(trained, network.Parameters.Values.Count(parameter => parameter.requires_grad));
            PlainLoop.AssertSameLosses(weights, data, options with { InitialAdapter = adapter == start ? null : adapter }, network);
        }
    }

    private static TrainingData TwoClassData()
    {
        TrainingSequence[] sequences = [.. Tasks.Sequences(Tasks.Classes, 40, seed: 5).Select(
            sequence => new TrainingSequence(sequence.Tokens) { Label = sequence.Label % 2 })];
        return TrainingData.FromSequences(sequences, null, 24, 61);
    }
}
