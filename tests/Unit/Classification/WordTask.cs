namespace MLNet.Gpt.Tests.Classification;

/// <summary>A task that a tiny model learns in a second: which of the words w7, w8 and w9 is in a text.</summary>
internal static class WordTask
{
    public static GptClassifierOptions Options { get; } = new()
    {
        TrainedPart = TrainedPart.All,
        Model = new() { ThreadCount = 2 },
        Training = new()
        {
            Epochs = 12, BatchSize = 8, LearningRate = 3e-3, WarmUpSteps = 0, EvaluationInterval = 1000, EvaluationBatches = 1, Seed = 1,
        },
    };

    /// <summary>Texts of 3 to 14 words with the label of the one that decides.</summary>
    public static LabeledText[] Rows(int count, int seed, int classes = 2) =>
        [.. Texts(count, seed, classes).Select(row => new LabeledText(row.Text, Label(row.Class)))];

    /// <summary>The same texts, with a number for each.</summary>
    public static LabeledText[] Numbers(int count, int seed) =>
        [.. Texts(count, seed, 2).Select(row => new LabeledText(row.Text, row.Class == 0 ? -1f : 2f))];

    public static string Label(int index) => index switch { 0 => "seven", 1 => "eight", _ => "nine" };

    public static IEnumerable<(string Text, int Class)> Texts(int count, int seed, int classes)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            int length = 3 + random.Next(12), which = random.Next(classes);
            string[] words = [.. Enumerable.Range(0, length).Select(_ => $"w{10 + random.Next(40)}")];
            words[random.Next(length)] = $"w{7 + which}";
            yield return (string.Join(' ', words), which);
        }
    }
}
