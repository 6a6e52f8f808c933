namespace MLNet.Gpt;

/// <summary>A chart that a <see cref="LossReport"/> shows in addition to its own, such as the losses of a training run.</summary>
public sealed class ReportChart
{
    /// <summary>Initializes a chart.</summary>
    /// <param name="title">The heading.</param>
    /// <param name="xLabel">The label of the horizontal axis.</param>
    /// <param name="yLabel">The label of the vertical axis.</param>
    /// <param name="series">Up to four lines.</param>
    public ReportChart(string title, string xLabel, string yLabel, IReadOnlyList<ReportSeries> series)
    {
        Title = title;
        XLabel = xLabel;
        YLabel = yLabel;
        Series = series;
    }

    /// <summary>The heading.</summary>
    public string Title { get; }

    /// <summary>The label of the horizontal axis.</summary>
    public string XLabel { get; }

    /// <summary>The label of the vertical axis.</summary>
    public string YLabel { get; }

    /// <summary>The lines.</summary>
    public IReadOnlyList<ReportSeries> Series { get; }
}
