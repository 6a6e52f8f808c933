using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// Compiles the code of a measurement on another thread while the session's first model is read, by measuring a text with
/// a model of zeros. The first loss of a session would otherwise wait for it.
/// </summary>
internal static class FirstMeasurement
{
    private static int s_hasBegun;

    /// <summary>Begins, once per process; where there is only one processor, does nothing.</summary>
    public static void Prepare()
    {
        if (Environment.ProcessorCount > 1 && Interlocked.Exchange(ref s_hasBegun, 1) == 0) _ = Task.Run(Measure);
    }

    private static void Measure()
    {
        try
        {
            using var model = GptModel.FromWeights(new Zeros(), Gpt2Tokenizer.Instance);
            var documents = new CorpusEvaluator(model, new ScoringOptions()).EvaluateDocuments(Corpus.FromTexts(["first measurement"]));
            _ = documents.Sum(document => document.Metrics.TokenCount);
        }
        catch (OutOfMemoryException)
        {
            // The cmdlet will say so.
        }
    }

    private sealed class Zeros : IWeightSource
    {
        public GptConfig Config { get; } = new()
        {
            VocabularySize = Gpt2Tokenizer.Instance.VocabularySize, ContextLength = 16, EmbeddingWidth = 16, HeadCount = 1, LayerCount = 1,
        };

        public void Read(string name, long start, Span<float> destination) => destination.Clear();
    }
}
