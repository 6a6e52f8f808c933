namespace MLNet.Gpt.Samples.TextClassification;

internal sealed class Passage
{
    public string Text { get; set; } = string.Empty;

    public string Chapter { get; set; } = string.Empty;
}
