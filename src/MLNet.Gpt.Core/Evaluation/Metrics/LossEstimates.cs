using System.Globalization;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Evaluation.Intervals;

namespace MLNet.Gpt;

/// <summary>The figures of <see cref="LanguageModelMetrics"/>, each with its standard error and interval.</summary>
/// <remarks>
/// They come from a block bootstrap: units of the text are drawn with replacement, as many as there are, and each figure is computed from
/// the sums of each resample. The units are the documents, if a token is predicted in at least 30 of them; otherwise the blocks of 128
/// consecutive tokens of each document, as neighboring tokens are not independent. An interval says how much a figure would vary over
/// other texts of the same kind; it says nothing about other kinds of text.
/// </remarks>
public sealed class LossEstimates
{
    internal LossEstimates(
        LanguageModelMetrics total, LanguageModelMetrics[] units, long unitCount, int? blockLength, BootstrapOptions options)
    {
        (UnitCount, BlockLength, Options) = (unitCount, blockLength, options);
        List<double>[] resamples = [.. Enumerable.Range(0, 6).Select(_ => new List<double>(options.ResampleCount))];
        Bootstrap.Resample([.. units.Select(Sums)], options, Add, CancellationToken.None);

        CrossEntropy = Summarize(total.CrossEntropy, resamples[0]);
        Perplexity = CrossEntropy.Exponential();
        BitsPerToken = CrossEntropy.Times(1 / Math.Log(2));
        var perByte = Summarize(total.Loss.Sum / total.ByteCount, resamples[1]);
        BitsPerByte = perByte.Times(1 / Math.Log(2));
        BytePerplexity = perByte.Exponential();
        BitsPerCharacter = Summarize(total.Loss.Sum / total.CharacterCount, resamples[2]).Times(1 / Math.Log(2));
        WordPerplexity = Summarize(total.Loss.Sum / total.WordCount, resamples[3]).Exponential();
        Top1Accuracy = Summarize(total.Top1Accuracy, resamples[4]);
        Top5Accuracy = Summarize(total.Top5Accuracy, resamples[5]);

        void Add(Vector512<double> sums)
        {
            var (loss, tokens) = (sums[0], sums[1]);
            AddRatio(0, loss, tokens);
            AddRatio(1, loss, sums[2]);
            AddRatio(2, loss, sums[3]);
            AddRatio(3, loss, sums[4]);
            AddRatio(4, sums[5], tokens);
            AddRatio(5, sums[6], tokens);
        }

        void AddRatio(int figure, double numerator, double denominator)
        {
            if (denominator > 0) resamples[figure].Add(numerator / denominator);
        }

        Estimate Summarize(double value, List<double> resampled) =>
            Bootstrap.Summarize(value, resampled, units.Length, options.Confidence);
    }

    /// <summary>Cross-entropy, in nats per token.</summary>
    public Estimate CrossEntropy { get; }

    /// <summary>Perplexity.</summary>
    public Estimate Perplexity { get; }

    /// <summary>Bits per token.</summary>
    public Estimate BitsPerToken { get; }

    /// <summary>Bits per UTF-8 byte.</summary>
    public Estimate BitsPerByte { get; }

    /// <summary>Bits per character.</summary>
    public Estimate BitsPerCharacter { get; }

    /// <summary>exp of the loss per UTF-8 byte.</summary>
    public Estimate BytePerplexity { get; }

    /// <summary>exp of the loss per word.</summary>
    public Estimate WordPerplexity { get; }

    /// <summary>The fraction of tokens that the model considered most probable.</summary>
    public Estimate Top1Accuracy { get; }

    /// <summary>The fraction of tokens among the five that the model considered most probable.</summary>
    public Estimate Top5Accuracy { get; }

    /// <summary>
    /// The number of documents or blocks in which a token is predicted. Beyond 1,009, several are drawn together.
    /// </summary>
    public long UnitCount { get; }

    /// <summary>Tokens per block; <see langword="null"/> if documents are drawn.</summary>
    public int? BlockLength { get; }

    /// <summary>The confidence, the number of resamples and the seed.</summary>
    public BootstrapOptions Options { get; }

    /// <summary>The cross-entropy and what was drawn, such as <c>3.2109 ± 0.0512 (95 % 3.1101 to 3.3122), 80 documents</c>.</summary>
    public override string ToString()
    {
        string units = BlockLength is { } length ? $"blocks of {length} tokens" : "documents";
        return string.Create(CultureInfo.InvariantCulture, $"{CrossEntropy}, {UnitCount:N0} {units}");
    }

    private static Vector512<double> Sums(LanguageModelMetrics unit) => Vector512.Create(
        unit.Loss.Sum, unit.TokenCount, unit.ByteCount, unit.CharacterCount, unit.WordCount, unit.Top1Count, unit.Top5Count, 0);
}
