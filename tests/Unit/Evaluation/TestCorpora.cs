using System.Globalization;

namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>Corpora of words for the tiny models.</summary>
internal static class TestCorpora
{
    /// <summary>Documents of 0 to 59 words and one that is longer than a chunk; several chunks in total.</summary>
    public static Corpus Mixed { get; } = Corpus.FromDocuments([.. Documents()]);

    /// <summary>Handles progress reports at once, on the reporting thread.</summary>
    public static IProgress<EvaluationProgress> Progress(Action<EvaluationProgress> handler) => new Immediate(handler);

    /// <summary>Returns everything about a token, as text to compare.</summary>
    public static string Flat(ScoredToken token) => string.Create(
        CultureInfo.InvariantCulture,
        $"{token.Position} {token.Id} {Convert.ToHexString(token.Piece.Bytes.Span)} {token.Start} {token.ByteStart} "
        + $"{token.LogProbability:R} {token.Rank} "
        + $"{token.TopLogProbability:R} {token.ContextCount} {token.Entropy:R} {token.Text} "
        + $"{string.Join(' ', token.Candidates.Select(Flat))}");

    private static string Flat(TokenCandidate candidate) =>
        string.Create(CultureInfo.InvariantCulture, $"{candidate.Id}:{candidate.Text}:{candidate.LogProbability:R}");

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
