namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>The text that ships with the samples: chapters of Moby-Dick (H. Melville, 1851; public domain).</summary>
internal static class SampleText
{
    /// <summary>The number of chapters at the end that the walkthrough does not train on; the questions are from them.</summary>
    public const int HeldOutChapters = 5;

    public static string[] ReadChapters()
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
        string[] parts = text.Split("\nCHAPTER ", StringSplitOptions.RemoveEmptyEntries);
        return [parts[0].TrimEnd(), .. parts[1..].Select(part => $"CHAPTER {part.TrimEnd()}")];
    }
}
