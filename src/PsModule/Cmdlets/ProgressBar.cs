using System.Diagnostics;
using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet's progress bar, which is drawn a few times per second. For the pipeline's thread.</summary>
/// <param name="command">The cmdlet.</param>
/// <param name="activity">What it does.</param>
/// <param name="delay">Time before the bar is first drawn: what ends sooner needs none.</param>
internal sealed class ProgressBar(Cmdlet command, string activity, TimeSpan delay = default)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _nextDrawing = delay;
    private bool _isDrawn;

    /// <summary>Whether it is time to draw the bar again.</summary>
    public bool IsDue => _clock.Elapsed >= _nextDrawing;

    /// <summary>Draws the bar.</summary>
    /// <param name="status">How far the work is, in words.</param>
    /// <param name="percent">How far it is, from 0 to 100; -1 if that is unknown.</param>
    /// <param name="timeLeft">The time left, if it is known.</param>
    public void Draw(string status, int percent, TimeSpan? timeLeft = null)
    {
        _nextDrawing = _clock.Elapsed + Interval;
        _isDrawn = true;
        command.WriteProgress(new ProgressRecord(0, activity, status)
        {
            PercentComplete = percent, SecondsRemaining = (int)(timeLeft?.TotalSeconds ?? -1),
        });
    }

    /// <summary>Removes the bar.</summary>
    public void Complete()
    {
        if (_isDrawn) command.WriteProgress(new ProgressRecord(0, activity, "Done") { RecordType = ProgressRecordType.Completed });
    }
}
