using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// Turns the reports of a training into progress and messages, on the pipeline's thread.
/// </summary>
/// <param name="command">The cmdlet that trains.</param>
/// <param name="name">The name of the model.</param>
/// <param name="begun">Called with the first report.</param>
internal sealed class TrainingReporter(Cmdlet command, string name, Action? begun) : IProgress<TrainingProgress>
{
    private const string Tag = "GptTraining";

    private readonly ProgressBar _bar = new(command, $"Training {name}");
    private bool _hasBegun;

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        if (!_hasBegun) begun?.Invoke();
        _hasBegun = true;
        if (_bar.IsDue) Show(value);
        foreach (string warning in value.Warnings) command.WriteWarning(warning);
        if (value.Evaluation is { } point) command.WriteInformation(TrainingEvaluation.Of(point), [Tag, nameof(TrainingEvaluation)]);
        if (value.Sample is { } sample) command.WriteInformation(VisibleText.Block(sample.Text), [Tag, nameof(TrainingSample)]);
        if (value.Checkpoint is { } checkpoint) command.WriteVerbose($"Checkpoint: {checkpoint}");
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => _bar.Complete();

    private void Show(TrainingProgress value)
    {
        string status = value.TimeLeft is null
            ? "Measuring before the first step"
            : FormattableString.Invariant(
                $"Step {value.Step:N0} of {value.TotalSteps:N0}, epoch {value.Epoch}: loss {value.BatchLoss:F4}, ")
                + FormattableString.Invariant($"learning rate {value.LearningRate:G3}, {value.TokensPerSecond:N0} tokens/s");
        _bar.Draw(status, (int)(100L * value.Step / Math.Max(1, value.TotalSteps)), value.TimeLeft);
    }
}
