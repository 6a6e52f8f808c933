using System.Globalization;
using MLNet.Gpt.Tests.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Loss;

/// <summary>
/// The steps on the lecture's own model, from its two texts to perplexity, compared with what its program prints.
/// </summary>
[Collection(TorchCollection.Name)]
public class LectureLossTests(LectureModel lecture) : IClassFixture<LectureModel>
{
    [Fact]
    public void The_steps_print_the_lectures_numbers()
    {
        var tokenizer = Gpt2Tokenizer.Instance;
        int[] inputs = [.. tokenizer.Encode("every effort moves"), .. tokenizer.Encode("I really like")];
        int[] targets = [.. tokenizer.Encode(" effort moves you"), .. tokenizer.Encode(" really like chocolate")];
        using var scope = torch.NewDisposeScope();
        var logits = lecture.Logits(LectureModel.Ids(2, [.. inputs.Select(id => (long)id)])); // (2, 3, V)

        var steps = LossSteps.Compute(logits.data<float>().ToArray(), inputs, targets, batchSize: 2, tokenCount: 3, vocabularySize: 50257);

        Assert.Equal([2, 3, 50257], steps.ProbabilitiesShape);
        Assert.Equal([16657, 339, 42826, 49906, 29669, 41751], steps.ArgMaxIds);
        Assert.Equal(" Armed heNetflix", tokenizer.Decode([.. steps.ArgMaxIds.Take(3)]));

        // The first is within float rounding, about 2e-6 of the value after twelve layers, of the boundary between
        // 7.4540 and 7.4541.
        double[] printed = [7.4541e-05, 3.1061e-05, 1.1563e-05, 1.0337e-05, 5.6776e-05, 4.7559e-06];
        Assert.All(
            printed.Zip(steps.TargetProbabilities),
            pair =>
                Assert.Equal(pair.First, pair.Second, (0.5e-4 * Math.Pow(10, Math.Floor(Math.Log10(pair.First)))) + (2e-6 * pair.First)));
        Assert.Equal(["-9.5042", "-10.3796", "-11.3677", "-11.4798", "-9.7764", "-12.2561"], steps.LogProbabilities.Select(Fixed));
        Assert.Equal("-10.7940", Fixed(steps.MeanLogProbability));
        Assert.Equal("10.7940", Fixed(steps.NegativeMeanLogProbability));
        Assert.Equal("10.7940", Fixed(steps.CrossEntropy));
        Assert.Equal("48725.82", steps.Perplexity.ToString("F2", CultureInfo.InvariantCulture));
    }

    private static string Fixed(float value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
