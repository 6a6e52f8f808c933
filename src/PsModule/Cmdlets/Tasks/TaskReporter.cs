using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows how many questions of a task a model has answered, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that asks.</param>
/// <param name="task">The name of the task.</param>
/// <param name="model">The name of the model.</param>
internal sealed class TaskReporter(Cmdlet command, string task, string model) : IProgress<TaskProgress>
{
    private readonly ProgressBar _bar = new(command, $"Asking {model} the questions of {task}", TimeSpan.FromSeconds(1));

    private TaskProgress? _last;

    /// <inheritdoc/>
    public void Report(TaskProgress value)
    {
        _last = value;
        if (_bar.IsDue) _bar.Draw(value.Metrics.ToString(), (int)(100 * value.Fraction), value.TimeLeft);
    }

    /// <summary>Removes the progress bar, and says how many questions were answered in what time.</summary>
    public void Complete()
    {
        _bar.Complete();
        if (_last is not { } last) return;
        var (questions, seconds) = (last.Metrics.QuestionCount, last.Elapsed.TotalSeconds);
        command.WriteVerbose(FormattableString.Invariant($"'{model}' answered {questions:N0} questions of '{task}' in {seconds:F2} s."));
    }
}
