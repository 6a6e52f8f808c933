using System.Globalization;
using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>How much the predictions of a model differ from those of a reference model on the same texts.</summary>
public sealed class GptModelComparison
{
    private readonly ModelDivergence _divergence;

    // Of sums over many tokens; computed once.
    private readonly Estimate _mean, _change, _rootMeanSquare, _sameTop, _difference, _ratio;

    internal GptModelComparison(string? referenceModel, string? model, ModelDivergence divergence)
    {
        (ReferenceModel, Model, _divergence) = (referenceModel, model, divergence);
        (_mean, _sameTop, _difference) = (divergence.Mean, divergence.SameTop, divergence.LossDifference);
        (_change, _rootMeanSquare, _ratio) = (divergence.ProbabilityChange, divergence.RootMeanSquareChange, divergence.PerplexityRatio);
    }

    /// <summary>The name of the model, or its result files.</summary>
    public string? Model { get; }

    /// <summary>The name of the reference model; <see langword="null"/> for result files.</summary>
    public string? ReferenceModel { get; }

    /// <summary>The mean Kullback-Leibler divergence of the model's predictions from the reference's, in nats per token.</summary>
    public double Divergence => _mean.Value;

    /// <summary>The standard error of the divergence.</summary>
    public double StandardError => _mean.StandardError;

    /// <summary>The lower bound of the divergence's interval.</summary>
    public double Lower => _mean.Lower;

    /// <summary>The upper bound of the divergence's interval.</summary>
    public double Upper => _mean.Upper;

    /// <summary>The confidence of all intervals.</summary>
    public double Confidence => _mean.Confidence;

    /// <summary>The least divergence of a token.</summary>
    public double Minimum => _divergence.Minimum;

    /// <summary>The divergence that 1 % of the tokens are below.</summary>
    public double Percentile1 => Percentile(1);

    /// <summary>The divergence that 5 % of the tokens are below.</summary>
    public double Percentile5 => Percentile(5);

    /// <summary>The divergence that half of the tokens are below.</summary>
    public double Median => _divergence.Median;

    /// <summary>The divergence that 95 % of the tokens are below.</summary>
    public double Percentile95 => Percentile(95);

    /// <summary>The divergence that 99 % of the tokens are below.</summary>
    public double Percentile99 => Percentile(99);

    /// <summary>The divergence that 99.9 % of the tokens are below.</summary>
    public double Percentile999 => Percentile(99.9);

    /// <summary>The greatest divergence of a token.</summary>
    public double Maximum => _divergence.Maximum;

    /// <summary>The fraction of tokens for which both models consider the same token most probable.</summary>
    public double SameTop => _sameTop.Value;

    /// <summary>The lower bound of its interval.</summary>
    public double SameTopLower => _sameTop.Lower;

    /// <summary>The upper bound of its interval.</summary>
    public double SameTopUpper => _sameTop.Upper;

    /// <summary>The mean change of the probability of the text's token: that of the model minus that of the reference.</summary>
    public double ProbabilityChange => _change.Value;

    /// <summary>Its standard error.</summary>
    public double ProbabilityChangeStandardError => _change.StandardError;

    /// <summary>The root mean square of the change of the probability.</summary>
    public double ProbabilityChangeRms => _rootMeanSquare.Value;

    /// <summary>Its standard error.</summary>
    public double ProbabilityChangeRmsStandardError => _rootMeanSquare.StandardError;

    /// <summary>The cross-entropy minus that of the reference, in nats per token.</summary>
    public double LossDifference => _difference.Value;

    /// <summary>Its standard error, from the differences token by token.</summary>
    public double LossDifferenceStandardError => _difference.StandardError;

    /// <summary>The perplexity divided by that of the reference.</summary>
    public double PerplexityRatio => _ratio.Value;

    /// <summary>The lower bound of its interval.</summary>
    public double PerplexityRatioLower => _ratio.Lower;

    /// <summary>The upper bound of its interval.</summary>
    public double PerplexityRatioUpper => _ratio.Upper;

    /// <summary>The correlation of the log-probabilities that both models give to the tokens of the texts.</summary>
    public double Correlation => _divergence.Correlation;

    /// <summary>The model's cross-entropy, in nats per token.</summary>
    public double CrossEntropy => _divergence.Model.CrossEntropy;

    /// <summary>The reference model's cross-entropy, in nats per token.</summary>
    public double ReferenceCrossEntropy => _divergence.Reference.CrossEntropy;

    /// <summary>The model's perplexity.</summary>
    public double Perplexity => _divergence.Model.Perplexity;

    /// <summary>The reference model's perplexity.</summary>
    public double ReferencePerplexity => _divergence.Reference.Perplexity;

    /// <summary>The model's loss in bits per UTF-8 byte.</summary>
    public double BitsPerByte => _divergence.Model.BitsPerByte;

    /// <summary>The reference model's loss in bits per UTF-8 byte.</summary>
    public double ReferenceBitsPerByte => _divergence.Reference.BitsPerByte;

    /// <summary>The model's expected calibration error.</summary>
    public double CalibrationError => _divergence.ModelStatistics.Calibration.ExpectedError;

    /// <summary>The reference model's expected calibration error.</summary>
    public double ReferenceCalibrationError => _divergence.ReferenceStatistics.Calibration.ExpectedError;

    /// <summary>Tokens that were predicted.</summary>
    public long TokenCount => _divergence.TokenCount;

    /// <summary>UTF-8 bytes that were predicted.</summary>
    public long ByteCount => _divergence.Model.ByteCount;

    /// <summary>Texts.</summary>
    public long DocumentCount => _divergence.Model.DocumentCount;

    /// <summary>The file with the results; <see langword="null"/> if there is none, or several.</summary>
    public string? ResultFile => _divergence.ResultFile;

    /// <summary>Returns the divergence that a percentage of the tokens are below; 0 gives the least, 100 the greatest.</summary>
    /// <param name="percent">From 0 to 100.</param>
    public double Percentile(double percent) => _divergence.Quantile(percent / 100);

    /// <summary>Returns the change of the probability that a percentage of the tokens are below.</summary>
    /// <param name="percent">From 0 to 100.</param>
    public double ProbabilityChangePercentile(double percent) => _divergence.ProbabilityChangeQuantile(percent / 100);

    /// <summary>The divergence and its interval, such as <c>0.001234 ± 0.000012 (95 % 0.001210 to 0.001258) nats per token</c>.</summary>
    public override string ToString() => $"{_mean.ToString("F6", CultureInfo.InvariantCulture)} nats per token";
}
