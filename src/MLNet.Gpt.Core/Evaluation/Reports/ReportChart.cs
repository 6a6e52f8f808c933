namespace MLNet.Gpt;

/// <summary>A chart that a report shows beside its own, such as a training's losses.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="XLabel">What it is drawn over.</param>
/// <param name="YLabel">What is drawn.</param>
/// <param name="Series">At most four lines.</param>
public sealed record ReportChart(string Title, string XLabel, string YLabel, IReadOnlyList<ReportSeries> Series);
