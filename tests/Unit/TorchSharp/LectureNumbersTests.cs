using System.Globalization;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

/// <summary>
/// What the lecture's program prints in PyTorch on a CPU, with its seed and its two inputs; each number as printed
/// there.
/// </summary>
[Collection(TorchCollection.Name)]
public class LectureNumbersTests(LectureModel lecture) : IClassFixture<LectureModel>
{
    private static readonly long[] Inputs = [16833, 3626, 6100, 40, 1107, 588]; // "every effort moves", "I really like"
    private static readonly long[] Targets = [3626, 6100, 345, 1107, 588, 11311]; // " effort moves you", " really like chocolate"

    [Fact]
    public void Probabilities_and_the_most_likely_tokens_are_the_lectures()
    {
        using var scope = torch.NewDisposeScope();
        var probabilities = torch.nn.functional.softmax(lecture.Logits(LectureModel.Ids(2, Inputs)), dim: -1);
        Assert.Equal([2, 3, 50257], probabilities.shape);
        Assert.Equal([16657, 339, 42826, 49906, 29669, 41751], probabilities.argmax(-1).data<long>().ToArray());
    }

    [Fact]
    public void Target_probabilities_and_their_logarithms_are_the_lectures()
    {
        using var scope = torch.NewDisposeScope();
        var probabilities = torch.nn.functional.softmax(lecture.Logits(LectureModel.Ids(2, Inputs)), dim: -1);
        var ofTargets = probabilities.gather(2, LectureModel.Ids(2, Targets).unsqueeze(-1)).flatten(); // (2, 3, V) -> (6)
        var logarithms = ofTargets.log();

        // In double precision the first is 7.45405e-05 minus 3e-12, so its last printed digit depends on float
        // rounding, which differs between machines: about 2e-6 of the value after twelve layers.
        double[] printed = [7.4541e-05, 3.1061e-05, 1.1563e-05, 1.0337e-05, 5.6776e-05, 4.7559e-06];
        double[] lastDigit = [1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-10];
        foreach (var ((actual, expected), digit) in ofTargets.data<float>().ToArray().Zip(printed).Zip(lastDigit))
        {
            Assert.InRange(Math.Abs(actual - expected), 0, (digit / 2) + (2e-6 * expected));
        }

        Assert.Equal(["-9.5042", "-10.3796", "-11.3677", "-11.4798", "-9.7764", "-12.2561"], Printed(logarithms, "0.0000"));
        Assert.Equal(["-10.7940"], Printed(logarithms.mean(), "0.0000"));
    }

    [Fact]
    public void Cross_entropy_and_perplexity_are_the_lectures()
    {
        using var scope = torch.NewDisposeScope();
        var loss = torch.nn.functional.cross_entropy(lecture.Logits(LectureModel.Ids(2, Inputs)).flatten(0, 1), torch.tensor(Targets));
        Assert.Equal(["10.7940"], Printed(loss, "0.0000"));
        Assert.Equal(["48725.8203"], Printed(loss.exp(), "0.0000"));
    }

    [Fact]
    public void Ten_tokens_chosen_greedily_are_the_lectures()
    {
        using var scope = torch.NewDisposeScope();
        List<long> ids = [6109, 3626, 6100, 345]; // "Every effort moves you"
        for (int i = 0; i < 10; i++)
        {
            var logits = lecture.Logits(LectureModel.Ids(1, [.. ids]));
            ids.Add(logits[0, ids.Count - 1].argmax().item<long>());
        }

        // GPT-2's tokenizer decodes them to " rentingetic wasnم refres RexMeCHicular stren".
        Assert.Equal([34245, 5139, 2492, 25405, 17434, 17853, 5308, 3398, 13174, 43071], ids[4..]);
    }

    private static IEnumerable<string> Printed(torch.Tensor tensor, string format) =>
        tensor.data<float>().ToArray().Select(value => ((double)value).ToString(format, CultureInfo.InvariantCulture));
}
