namespace MLNet.Gpt.Samples.TextClassification;

internal sealed class Passage
{
    public string Text { get; set; } = string.Empty;

    public string Label { get; set; } = string.Empty;

    /// <summary>Words without the mark that may follow the last, and whether one did.</summary>
    public static Passage Of(string[] words)
    {
        string text = string.Join(' ', words), bare = text.TrimEnd(',', '.', ';', ':', '!', '?', '-', '"', '\'', ')');
        return new() { Text = bare, Label = bare.Length < text.Length ? "pauses" : "goes on" };
    }
}
