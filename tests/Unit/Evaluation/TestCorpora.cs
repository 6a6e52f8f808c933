
namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>Corpora of words for the tiny models.</summary>
internal static class TestCorpora
{
    /// <summary>Documents of 0 to 59 words and one that is longer than a piece of work; several pieces in all.</summary>
    public static Corpus Mixed { get; } = Corpus.Of([.. Documents()]);

    /// <summary>A report of progress that is handled at once, on the thread that gives it.</summary>
    public static IProgress<EvaluationProgress> Progress(Action<EvaluationProgress> handler) => new Immediate(handler);

    private static IEnumerable<CorpusDocument> Documents()
    {
        yield return new("empty", "");
        for (int i = 0; i < 80; i++) yield return new($"text {i}", TinyModels.Text(i * 17 % 60, i));
        yield return new("long", TinyModels.Text(1500, 99));
        for (int i = 0; i < 5; i++) yield return new($"tail {i}", TinyModels.Text(i, i));
        yield return new("last", "");
    }

    private sealed class Immediate(Action<EvaluationProgress> handler) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => handler(value);
    }
}
