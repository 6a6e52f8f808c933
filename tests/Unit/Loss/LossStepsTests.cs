using System.Globalization;
using CsCheck;

namespace MLNet.Gpt.Tests.Loss;

public class LossStepsTests
{
    // The lecture's seven words, on which "every effort moves" is to become "effort moves you". Probabilities of the
    // row after "every" as drawn there; the other two rows are ours. Each adds up to 1 except the first, which is drawn
    // with 0.98.
    private static readonly WordTokenizer Words = new(["a", "effort", "every", "forward", "moves", "you", "zoo"]);

    private static readonly float[] Logits = [.. new[]
    {
        0.10f, 0.60f, 0.20f, 0.05f, 0.00f, 0.02f, 0.01f,
        0.05f, 0.05f, 0.10f, 0.20f, 0.50f, 0.05f, 0.05f,
        0.10f, 0.10f, 0.10f, 0.40f, 0.05f, 0.20f, 0.05f,
    }.Select(p => MathF.Log(p))];

    private static LossSteps Lecture => LossSteps.Compute(
        Logits,
        Words.Encode("every effort moves"),
        Words.Encode("effort moves you"),
        batchSize: 1,
        tokenCount: 3,
        vocabularySize: 7);

    [Fact]
    public void The_seven_word_example_has_the_numbers_worked_by_hand()
    {
        var steps = Lecture;
        Assert.Equal([2, 1, 4], steps.Inputs);
        Assert.Equal([1, 4, 5], steps.Targets);
        Assert.Equal([1, 3, 7], steps.ProbabilitiesShape);
        Assert.Equal("effort moves forward", Words.Decode([.. steps.ArgMaxIds])); // the third guess is wrong
        Assert.Equal(["0.6122", "0.5000", "0.2000"], steps.TargetProbabilities.Select(p => p.ToString("F4", CultureInfo.InvariantCulture)));
        Assert.Equal(["-0.4906", "-0.6931", "-1.6094"], steps.LogProbabilities.Select(p => p.ToString("F4", CultureInfo.InvariantCulture)));
        Assert.Equal(-0.9311, steps.MeanLogProbability, 4); // (0.4906 + 0.6931 + 1.6094) / 3
        Assert.Equal(0.9311, steps.NegativeMeanLogProbability, 4);
        Assert.Equal(0.9311, steps.CrossEntropy, 4);
        Assert.Equal(2.5372, steps.Perplexity, 4); // the cube root of 1 / (0.6122 · 0.5 · 0.2)
        Assert.Equal(1.3432, steps.BitsPerToken, 4);
        Assert.Equal(1.9459, steps.UniformCrossEntropy, 4); // ln 7
        Assert.Equal(0.3625, steps.PerplexityOfVocabulary, 4);
    }

    [Fact]
    public void A_sentence_says_what_the_perplexity_means() => Assert.Equal(
        "The model is as unsure as if it chose among 2.54 equally likely tokens; the vocabulary has 7 (36.2 %), and "
        + "guessing among all of them would give a cross-entropy of 1.9459.",
        Lecture.Meaning);

    [Fact]
    public void Both_ways_of_computing_the_loss_agree() =>
        (from vocabularySize in Gen.Int[1, 40]
         from batchSize in Gen.Int[1, 4]
         from tokenCount in Gen.Int[1, 5]
         from logits in Gen.Float[-8, 8].Array[batchSize * tokenCount * vocabularySize]
         from targets in Gen.Int[0, vocabularySize - 1].Array[batchSize * tokenCount]
         select (logits, targets, batchSize, tokenCount, vocabularySize)).Sample(rows =>
        {
            var steps = LossSteps.Compute(rows.logits, rows.targets, rows.targets, rows.batchSize, rows.tokenCount, rows.vocabularySize);
            Assert.Equal(CrossEntropy.Compute(rows.logits, rows.targets, rows.vocabularySize), steps.Loss);
            Assert.Equal(steps.CrossEntropy, steps.NegativeMeanLogProbability, 2e-6f * Math.Max(1, steps.CrossEntropy));
            Assert.All(steps.TargetProbabilities, probability => Assert.InRange(probability, 0, 1));
        });

    [Fact]
    public void A_probability_too_small_for_single_precision_loses_its_logarithm_only_in_the_steps()
    {
        var steps = LossSteps.Compute([200, 0], [0], [1], 1, 1, 2);
        Assert.Equal(0, steps.TargetProbabilities[0]);
        Assert.Equal(float.NegativeInfinity, steps.LogProbabilities[0]);
        Assert.Equal(float.PositiveInfinity, steps.NegativeMeanLogProbability);
        Assert.Equal(200, steps.CrossEntropy);
    }

    [Theory]
    [InlineData(0, 3, "batchSize is 0; it must be at least 1")]
    [InlineData(1, 0, "tokenCount is 0; it must be at least 1")]
    public void A_size_below_one_is_an_error_that_names_it(int batchSize, int tokenCount, string message) => Assert.Contains(
        message, Assert.Throws<ArgumentOutOfRangeException>(() => LossSteps.Compute([], [], [], batchSize, tokenCount, 7)).Message);

    [Fact]
    public void Mismatched_shapes_are_an_error_that_names_them()
    {
        Assert.Contains(
            "2 inputs do not have the shape (1, 3), which takes 3",
            Assert.Throws<ArgumentException>(() => LossSteps.Compute(Logits, [1, 2], [1, 2, 3], 1, 3, 7)).Message);
        Assert.Contains(
            "4 targets do not have the shape (1, 3), which takes 3",
            Assert.Throws<ArgumentException>(() => LossSteps.Compute(Logits, [1, 2, 3], [1, 2, 3, 4], 1, 3, 7)).Message);
        Assert.Contains(
            "shape (2, 7)",
            Assert.Throws<ArgumentException>(() => LossSteps.Compute(Logits[..14], [1, 2, 3], [1, 2, 3], 1, 3, 7)).Message);
    }

    [Fact]
    public void Bad_ids_and_logits_are_errors_that_name_them()
    {
        Assert.Contains(
            "Token id 7 at position 2",
            Assert.Throws<ArgumentOutOfRangeException>(() => LossSteps.Compute(Logits, [1, 2, 7], [1, 2, 3], 1, 3, 7)).Message);
        Assert.Contains(
            "Token id -1 at position 0",
            Assert.Throws<ArgumentOutOfRangeException>(() => LossSteps.Compute(Logits, [1, 2, 3], [-1, 2, 3], 1, 3, 7)).Message);
        float[] logits = [.. Logits];
        logits[9] = float.NaN;
        Assert.Contains(
            "row 1, column 2 is NaN",
            Assert.Throws<ArgumentException>(() => LossSteps.Compute(logits, [1, 2, 3], [1, 2, 3], 1, 3, 7)).Message);
    }
}
