using System.Globalization;
using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>How well a model answers the questions of a task.</summary>
public sealed class GptTaskScore
{
    private readonly TaskMetrics _metrics;

    internal GptTaskScore(string source, string? model, TaskEvaluation result, double confidence)
    {
        (Source, Model, _metrics, ResultFile, Confidence) = (source, model, result.Metrics, result.ResultFile, confidence);
        Task = Path.GetFileNameWithoutExtension(source);
        if (_metrics.AnsweredCount == 0) return;
        var accuracy = _metrics.AccuracyBy(TaskNormalization.None, confidence);
        (Accuracy, StandardError, Lower, Upper) = (accuracy.Value, accuracy.StandardError, accuracy.Lower, accuracy.Upper);
        AccuracyPerCharacter = _metrics.AccuracyPerCharacter.Value;
        AccuracyPerByte = _metrics.AccuracyPerByte.Value;
        AccuracyPerToken = _metrics.AccuracyPerToken.Value;
        ChanceAccuracy = _metrics.ChanceAccuracy;
        var perplexity = _metrics.PerplexityAt(confidence);
        (Perplexity, PerplexityLower, PerplexityUpper) = (perplexity.Value, perplexity.Lower, perplexity.Upper);
        var brier = _metrics.BrierScoreAt(confidence);
        if (!double.IsNaN(brier.Value)) (BrierScore, BrierScoreLower, BrierScoreUpper) = (brier.Value, brier.Lower, brier.Upper);
    }

    /// <summary>The name of the file without its extension.</summary>
    public string Task { get; }

    /// <summary>The file of the questions, or the result files.</summary>
    public string Source { get; }

    /// <summary>The name of the model; <see langword="null"/> for result files.</summary>
    public string? Model { get; }

    /// <summary>
    /// The fraction of the questions that are answered right; <see langword="null"/> if the task has no answers, as do the figures below.
    /// </summary>
    public double? Accuracy { get; }

    /// <summary>The standard error of the accuracy.</summary>
    public double? StandardError { get; }

    /// <summary>The lower bound of the accuracy's interval.</summary>
    public double? Lower { get; }

    /// <summary>The upper bound of the accuracy's interval.</summary>
    public double? Upper { get; }

    /// <summary>The fraction of samples whose interval contains the true figure.</summary>
    public double Confidence { get; }

    /// <summary>The accuracy with likelihoods divided by characters: acc_norm of lm-evaluation-harness.</summary>
    public double? AccuracyPerCharacter { get; }

    /// <summary>The accuracy with likelihoods divided by UTF-8 bytes: acc_bytes of lm-evaluation-harness.</summary>
    public double? AccuracyPerByte { get; }

    /// <summary>The accuracy with likelihoods divided by tokens, as llama-perplexity measures it.</summary>
    public double? AccuracyPerToken { get; }

    /// <summary>The accuracy of guessing.</summary>
    public double? ChanceAccuracy { get; }

    /// <summary>The mean Brier score, from 0 to 2; lower is better.</summary>
    public double? BrierScore { get; }

    /// <summary>The lower bound of the Brier score's interval.</summary>
    public double? BrierScoreLower { get; }

    /// <summary>The upper bound of the Brier score's interval.</summary>
    public double? BrierScoreUpper { get; }

    /// <summary>exp of the mean negative log-likelihood of the right choices, per question.</summary>
    public double? Perplexity { get; }

    /// <summary>The lower bound of the perplexity's interval.</summary>
    public double? PerplexityLower { get; }

    /// <summary>The upper bound of the perplexity's interval.</summary>
    public double? PerplexityUpper { get; }

    /// <summary>The perplexity per word of the task's texts; <see langword="null"/> if it has none.</summary>
    public double? WordPerplexity => _metrics.Text?.WordPerplexity;

    /// <summary>The bits per byte of the task's texts; <see langword="null"/> if it has none.</summary>
    public double? BitsPerByte => _metrics.Text?.BitsPerByte;

    /// <summary>The number of questions, texts included.</summary>
    public long QuestionCount => _metrics.QuestionCount;

    /// <summary>The number of questions whose right answer is known.</summary>
    public long AnsweredCount => _metrics.AnsweredCount;

    /// <summary>The number of questions that are answered right.</summary>
    public long RightCount => _metrics.RightCount;

    /// <summary>The result file; <see langword="null"/> if none was written.</summary>
    public string? ResultFile { get; }

    /// <summary>The task and the main figures.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Task}: {_metrics}");
}
