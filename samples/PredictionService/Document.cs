namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>A request: a text to measure and continue.</summary>
public sealed class Document
{
    public string Text { get; set; } = string.Empty;
}
