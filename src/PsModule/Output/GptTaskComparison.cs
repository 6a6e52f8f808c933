using System.Globalization;
using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>The difference between the answers of two models to the same questions.</summary>
public sealed class GptTaskComparison
{
    private readonly McNemarTest _test;
    private readonly PairedComparison _accuracy, _logLikelihood;

    internal GptTaskComparison(
        string? source, string referenceModel, string model, TaskNormalization normalization, McNemarTest test,
        PairedComparison accuracy, PairedComparison logLikelihood)
    {
        (Source, ReferenceModel, Model, Normalization) = (source, referenceModel, model, normalization);
        (_test, _accuracy, _logLikelihood) = (test, accuracy, logLikelihood);
        Task = source is null ? null : Path.GetFileNameWithoutExtension(source);
    }

    /// <summary>The name of the file without its extension; <see langword="null"/> for result files.</summary>
    public string? Task { get; }

    /// <summary>The file of the questions; <see langword="null"/> for result files.</summary>
    public string? Source { get; }

    /// <summary>The name of the model, or its result files.</summary>
    public string Model { get; }

    /// <summary>The name of the model that it is compared with, or its result files.</summary>
    public string ReferenceModel { get; }

    /// <summary>What likelihoods were divided by before choices were compared.</summary>
    public TaskNormalization Normalization { get; }

    /// <summary>The model's accuracy.</summary>
    public double Accuracy => _accuracy.Second;

    /// <summary>The reference model's accuracy.</summary>
    public double ReferenceAccuracy => _accuracy.First;

    /// <summary>Accuracy − ReferenceAccuracy: above 0 the model is better than the reference model.</summary>
    public double Difference => _accuracy.Difference;

    /// <summary>The lower bound of the difference's interval, from a paired bootstrap over questions.</summary>
    public double Lower => _accuracy.Lower;

    /// <summary>The upper bound of the difference's interval.</summary>
    public double Upper => _accuracy.Upper;

    /// <summary>The fraction of the resamples that the intervals contain.</summary>
    public double Confidence => _accuracy.Confidence;

    /// <summary>
    /// The probability of a difference at least as great if both models are equally good: McNemar's exact test of the questions that only
    /// one of them answers right.
    /// </summary>
    public double PValue => _test.PValue;

    /// <summary>Whether the p-value is below 1 − Confidence.</summary>
    public bool IsSignificant => PValue < 1 - Confidence;

    /// <summary>The number of questions whose answer is known.</summary>
    public long QuestionCount => _accuracy.UnitCount;

    /// <summary>The number of questions that only the reference model answers right.</summary>
    public long OnlyReferenceRight => _test.FirstOnly;

    /// <summary>The number of questions that only the model answers right.</summary>
    public long OnlyModelRight => _test.SecondOnly;

    /// <summary>The mean difference of ln p of the right choice, in nats per question: above 0 the model is better.</summary>
    public double LogLikelihoodDifference => _logLikelihood.Difference;

    /// <summary>The lower bound of its interval.</summary>
    public double LogLikelihoodLower => _logLikelihood.Lower;

    /// <summary>The upper bound of its interval.</summary>
    public double LogLikelihoodUpper => _logLikelihood.Upper;

    /// <summary>The difference, its interval and the p-value, such as <c>0.0500 [0.0100, 0.0900] accuracy, p = 0.0192</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Difference:F4} [{Lower:F4}, {Upper:F4}] accuracy, p = {PValue:F4}");
}
