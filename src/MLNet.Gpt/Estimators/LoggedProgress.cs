using System.Diagnostics;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Estimators;

/// <summary>
/// Logs a training run through ML.NET: warnings, the first step, evaluations, and a step every ten seconds. Forwards
/// every report, and stops training when it is canceled.
/// </summary>
internal sealed class LoggedProgress(IChannel channel, IProgress<TrainingProgress>? inner, Cancellation cancellation)
    : IProgress<TrainingProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private bool _hasStep;

    public void Report(TrainingProgress value)
    {
        foreach (string warning in value.Warnings) channel.Warning(warning);
        bool isFirstStep = !_hasStep && value.TimeLeft is not null;
        _hasStep |= isFirstStep;
        if (isFirstStep || value.Evaluation is not null || _sinceLine.Elapsed >= Interval)
        {
            channel.Info(Line(value));
            _sinceLine.Restart();
        }

        inner?.Report(value);
        cancellation.ThrowIfRequested();
    }

    /// <summary>Logs how the run ended.</summary>
    public void End(TrainingHistory history) => channel.Info(FormattableString.Invariant(
        $"Training ended after {Quantity.Of(history.Last.Step, "step")} and {history.Duration.TotalSeconds:F0} s: {history.Ending}."));

    private static string Line(TrainingProgress value)
    {
        string losses = value.Evaluation switch
        {
            { ValidationLoss: { } loss } point => FormattableString.Invariant(
                $"training loss {point.TrainingLoss:F4}{Accuracy(point.TrainingAccuracy)}, ")
                + FormattableString.Invariant($"validation loss {loss:F4}{Accuracy(point.ValidationAccuracy)}"),
            { } point => FormattableString.Invariant($"training loss {point.TrainingLoss:F4}{Accuracy(point.TrainingAccuracy)}"),
            null => FormattableString.Invariant($"loss of the batch {value.BatchLoss:F4}"),
        };
        string left = value.TimeLeft is { } time ? FormattableString.Invariant($", {time.TotalSeconds:F0} s left") : "";
        return FormattableString.Invariant(
            $"Step {value.Step} of {value.TotalSteps}, epoch {value.Epoch}: {losses}; {value.TokensPerSecond:F0} tokens/s{left}.");
    }

    private static string Accuracy(double? accuracy) =>
        accuracy is { } value ? FormattableString.Invariant($" (accuracy {value:P1})") : "";
}
