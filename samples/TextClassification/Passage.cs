namespace MLNet.Gpt.Samples.TextClassification;

internal sealed class Passage
{
    public string Text { get; set; } = string.Empty;

    public string Label { get; set; } = string.Empty;

    /// <summary>
    /// Joins words, removes the punctuation after the last one, and labels the passage by whether there was any.
    /// </summary>
    public static Passage Of(string[] words)
    {
        string text = string.Join(' ', words), bare = text.TrimEnd(',', '.', ';', ':', '!', '?', '-', '"', '\'', ')');
        return new() { Text = bare, Label = bare.Length < text.Length ? "pause" : "no pause" };
    }
}
