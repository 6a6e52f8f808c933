namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>A request: a text to measure, and to predict the next token of.</summary>
public sealed class Document
{
    public string Text { get; set; } = string.Empty;
}
