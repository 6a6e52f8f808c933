namespace MLNet.Gpt.Tests.Instructions;

/// <summary>The loss of responses: the same by a training's evaluation, by the continuation scorer, and by hand.</summary>
public class ResponseLossTests
{
    private static readonly PromptTemplate Template = new("{prompt} {response}");

    // A prompt and its response, of words.
    internal static InstructionExample[] Examples { get; } =
    [
        new("w1 w2", "w3 w4"), new("w5", "w6"), new("w7 w8 w9", "w10"), new("w11 w12", "w13 w14 w15"),
    ];

    [Fact]
    public void It_is_the_loss_of_a_continuation()
    {
        using var model = TinyModels.Create();
        var sequences = Sequences(model);
        var scorer = new ContinuationScorer(model);
        var scores = scorer.ScoreTargets(sequences, TestContext.Current.CancellationToken);
        for (int i = 0; i < Examples.Length; i++)
        {
            int[] ids = sequences[i].Tokens.ToArray();
            double expected = 0;
            for (int at = sequences[i].FirstTarget; at < ids.Length; at++)
            {
                float[] logits = model.ComputeLogits(ids[..at])[^model.Config.VocabularySize..];
                expected += Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[ids[at]];
            }

            Assert.Equal(expected, scores[i].Loss.Sum, 1e-5);
            Assert.Equal(ids.Length - sequences[i].FirstTarget, scores[i].TokenCount);
            Assert.Equal(scores[i].Loss, scorer.ScoreTargets([sequences[i]], TestContext.Current.CancellationToken)[0].Loss);
        }

        // Without what ends it, a response is a continuation like any other.
        var pair = scorer.Score("w5", " w6", TestContext.Current.CancellationToken);
        Assert.Equal(pair.Tokens[0].LogProbability, scores[1].Tokens[0].LogProbability);
    }

    [Fact]
    public void A_training_measures_the_same()
    {
        using var model = TinyModels.Create();
        var options = new TrainingOptions { MaxSteps = 3, BatchSize = 2, EvaluationBatches = null, EvaluationInterval = 1 };
        var data = TrainingData.FromInstructions(
            Examples, Examples, model.Tokenizer, model.Config, options, new() { Template = Template },
            TestContext.Current.CancellationToken);
        var result = model.Train(data, options, cancellationToken: TestContext.Current.CancellationToken);
        using var trained = GptModel.FromWeights(result.Weights, model.Tokenizer);
        Assert.Equal(Mean(model), result.History.Points[0].ValidationLoss!.Value, 1e-6);
        Assert.Equal(Mean(trained), result.History.Last.ValidationLoss!.Value, 1e-6);
        Assert.True(Mean(trained) < Mean(model));
    }

    [Fact]
    public void Training_does_not_learn_prompts()
    {
        // With a batch of one sequence, the loss of the first step is that of the response.
        using var model = TinyModels.Create();
        var losses = new List<double>();
        var options = new TrainingOptions { MaxSteps = 1, BatchSize = 1 };
        var data = TrainingData.FromInstructions(
            Examples[..1], null, model.Tokenizer, model.Config, options, new() { Template = Template },
            TestContext.Current.CancellationToken);
        Assert.Equal(3, data.TargetCount);
        _ = model.Train(data, options, new Reports(each => losses.Add(each.BatchLoss)), TestContext.Current.CancellationToken);
        var score = new ContinuationScorer(model).ScoreTargets(Sequences(model), TestContext.Current.CancellationToken)[0];
        Assert.Equal(score.Loss.CrossEntropy, losses[^1], 1e-5);
    }

    [Fact]
    public void A_model_learns_to_answer()
    {
        using var model = TinyModels.Create();
        var options = new TrainingOptions { Epochs = 60, BatchSize = 4, LearningRate = 0.01 };
        var data = TrainingData.FromInstructions(
            Examples, null, model.Tokenizer, model.Config, options, new() { Template = Template }, TestContext.Current.CancellationToken);
        var result = model.Train(data, options, cancellationToken: TestContext.Current.CancellationToken);
        using var trained = GptModel.FromWeights(result.Weights, model.Tokenizer);
        foreach (var example in Examples)
        {
            var text = new TextGenerator(trained).Generate(Template.Format(example.Prompt), new() { MaxTokens = 8 });
            Assert.Equal(example.Response, text.Text.Trim());
            Assert.Equal(FinishReason.EndOfText, text.FinishReason);
        }
    }

    [Fact]
    public void What_cannot_be_scored_is_named()
    {
        using var model = TinyModels.Create();
        var scorer = new ContinuationScorer(model);
        int[] tooLong = new int[model.Config.ContextLength + 2];
        Assert.Contains("Sequence 0 has a label", Message(new(new[] { 1, 2 }) { Label = 0 }), StringComparison.Ordinal);
        Assert.Contains("no token that counts", Message(new(new[] { 1, 2 }) { FirstTarget = 2 }), StringComparison.Ordinal);
        Assert.Contains($"{tooLong.Length} tokens; at most", Message(new(tooLong)), StringComparison.Ordinal);

        string Message(TrainingSequence sequence) =>
            Assert.Throws<ArgumentException>(() => scorer.ScoreTargets([sequence], TestContext.Current.CancellationToken)).Message;
    }

    internal static IReadOnlyList<TrainingSequence> Sequences(GptModel model) =>
        new InstructionEncoder(model.Tokenizer, model.Config.ContextLength, new() { Template = Template })
            .Encode(Examples, TestContext.Current.CancellationToken);

    private static double Mean(GptModel model)
    {
        var total = LossSummary.Empty;
        var scores = new ContinuationScorer(model).ScoreTargets(Sequences(model), TestContext.Current.CancellationToken);
        foreach (var score in scores) total += score.Loss;
        return total.CrossEntropy;
    }

    private sealed class Reports(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
