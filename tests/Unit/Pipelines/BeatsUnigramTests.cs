using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt.Tests.Data;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>
/// Compares a model that was trained on the sample book for two minutes with one that only knows how often each token
/// occurs.
/// </summary>
public class BeatsUnigramTests
{
    private static readonly int[] Learned = Gpt2Tokenizer.Instance.Encode(TestFiles.MobyDick.AsSpan(0, 350_000));
    private static readonly int[] HeldOut = Gpt2Tokenizer.Instance.Encode(TestFiles.MobyDick.AsSpan(350_000));

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void A_small_model_of_the_sample_book_beats_token_frequencies_by_far_within_two_minutes()
    {
        var ml = new MLContext(seed: 1);
        var clock = Stopwatch.StartNew();
        var trainer = ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
        {
            Config = new GptConfig { ContextLength = 64, EmbeddingWidth = 128, HeadCount = 4, LayerCount = 3, DropoutRate = 0 },
            Training = new()
            {
                Epochs = 2, BatchSize = 4, LearningRate = 3e-3, FinalLearningRate = 1e-4, WarmUpSteps = 20,
                EvaluationBatches = null, EvaluationInterval = 1000,
                MaxDuration = TimeSpan.FromSeconds(100),
            },
        });
        trainer.Fit(View(TestFiles.MobyDick[..350_000]), View(TestFiles.MobyDick[350_000..]));
        double model = trainer.History!.Last.ValidationLoss!.Value;
        double addOne = UnigramLoss(1), best = ((double[])[0.003, 0.01, 0.03, 0.1, 0.3]).Min(UnigramLoss);
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant(
            $"model {model:F4}, unigram {addOne:F4} (add-one), {best:F4} (best smoothing for the held-out text) nats per token; ")
            + FormattableString.Invariant(
                $"{trainer.History.Last.Step} steps, {clock.Elapsed.TotalSeconds:F0} s, {trainer.History.Ending}"));
        Assert.True(model < addOne - 0.3, $"model {model}, unigram {addOne}");
        Assert.True(model < best, $"model {model}, unigram {best}");
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), $"It took {clock.Elapsed}.");

        IDataView View(string text) => ml.Data.LoadFromEnumerable([new { Text = text }]);
    }

    private static double UnigramLoss(double added)
    {
        int vocabulary = Gpt2Tokenizer.Instance.VocabularySize;
        double[] counts = new double[vocabulary];
        foreach (int id in Learned) counts[id]++;
        return HeldOut.Skip(1).Average(id => -Math.Log((counts[id] + added) / (Learned.Length + (added * vocabulary))));
    }
}
