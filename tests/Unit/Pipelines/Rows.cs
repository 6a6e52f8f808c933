using Microsoft.ML;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Input rows of text, and output rows with the transformer's default columns.</summary>
internal static class Rows
{
    public sealed class Input
    {
        public string? Text { get; set; }
    }

    public sealed class Output
    {
        public string Text { get; set; } = string.Empty;

        public string PredictedToken { get; set; } = string.Empty;

        public int PredictedTokenId { get; set; }

        public float Probability { get; set; }

        public double NegativeLogLikelihood { get; set; }

        public long TokenCount { get; set; }

        public long ByteCount { get; set; }

        public long CharacterCount { get; set; }

        public long WordCount { get; set; }

        public long Top1Count { get; set; }

        public long Top5Count { get; set; }

        public double CrossEntropy { get; set; }

        public double Perplexity { get; set; }
    }

    public static IDataView ToView(MLContext ml, params IEnumerable<string?> texts) =>
        ml.Data.LoadFromEnumerable(texts.Select(text => new Input { Text = text }));

    public static Output[] Read(MLContext ml, IDataView view) => [.. ml.Data.CreateEnumerable<Output>(view, reuseRowObject: false)];
}
