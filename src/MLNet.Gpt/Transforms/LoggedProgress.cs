using System.Globalization;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Transforms;

/// <summary>Writes the evaluations of a training to ML.NET's log, passes every report on, and ends the training where it is cancelled.</summary>
internal sealed class LoggedProgress(IChannel channel, IProgress<TrainingProgress>? inner, Cancellation cancellation) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Evaluation is { } point)
        {
            string validation = point.ValidationLoss is { } loss ? string.Create(CultureInfo.InvariantCulture, $", validation loss {loss:F4}") : string.Empty;
            channel.Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Step {value.Step} of {value.TotalSteps}, epoch {value.Epoch}: training loss {point.TrainingLoss:F4}{validation}; {value.TokensPerSecond:F0} tokens/s."));
        }

        inner?.Report(value);
        cancellation.ThrowIfRequested();
    }
}
