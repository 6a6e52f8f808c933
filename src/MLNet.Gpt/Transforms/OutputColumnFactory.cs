using Microsoft.ML.Data;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Transforms;

/// <summary>Makes the columns that the options name, in the order of the table at <see cref="GptOutputColumns"/>.</summary>
internal static class OutputColumnFactory
{
    private const string Score = "Score", Probability = "Probability", PredictedLabel = "PredictedLabel";

    public static OutputColumn[] Create(GptOutputColumns names, GptConfig config)
    {
        var columns = new List<OutputColumn>();
        AddPrediction(columns, names);
        AddLoss(columns, names, config);
        AddTokens(columns, names);
        Add(columns, names.GeneratedText, TextDataViewType.Instance, TextParts.Continuation, (ScoredText row, ref ReadOnlyMemory<char> value) => value = row.Continuation.AsMemory());
        Add(
            columns,
            names.Embedding,
            new VectorDataViewType(NumberDataViewType.Single, config.EmbeddingWidth),
            TextParts.Embedding,
            (ScoredText row, ref VBuffer<float> value) => Fill(ref value, row.Embedding, static element => element));
        return [.. columns];
    }

    private static void AddPrediction(List<OutputColumn> columns, GptOutputColumns names)
    {
        const TextParts Parts = TextParts.NextToken;
        Add(columns, names.PredictedToken, TextDataViewType.Instance, Parts, (ScoredText row, ref ReadOnlyMemory<char> value) => value = row.TokenText(row.Candidates[0].Id), notes => notes.AddScore(PredictedLabel));
        Add(columns, names.PredictedTokenId, NumberDataViewType.Int32, Parts, (ScoredText row, ref int value) => value = row.Candidates[0].Id, notes => notes.AddScore(PredictedLabel));
        Add(columns, names.Probability, NumberDataViewType.Single, Parts, (ScoredText row, ref float value) => value = ProbabilityOf(row.Candidates[0]), notes => notes.AddScore(Probability));

        int count = names.CandidateCount;
        Add(columns, names.CandidateTokens, new VectorDataViewType(TextDataViewType.Instance, count), Parts, CandidateReader(static (row, candidate) => row.TokenText(candidate.Id)), notes => notes.AddRanks(count));
        Add(columns, names.CandidateTokenIds, new VectorDataViewType(NumberDataViewType.Int32, count), Parts, CandidateReader(static (_, candidate) => candidate.Id), notes => notes.AddRanks(count));
        Add(columns, names.CandidateProbabilities, new VectorDataViewType(NumberDataViewType.Single, count), Parts, CandidateReader(static (_, candidate) => ProbabilityOf(candidate)), notes => notes.AddRanks(count));
    }

    private static void AddLoss(List<OutputColumn> columns, GptOutputColumns names, GptConfig config)
    {
        Add(
            columns,
            names.NegativeLogLikelihood,
            NumberDataViewType.Double,
            TextParts.Loss,
            (ScoredText row, ref double value) => value = row.Score.Loss.Sum,
            notes =>
            {
                notes.AddScore(Score);
                notes.AddVocabularySize(config.VocabularySize);
            });
        Add(columns, names.TokenCount, NumberDataViewType.Int64, TextParts.None, (ScoredText row, ref long value) => value = row.TokenCount);
        Add(columns, names.ByteCount, NumberDataViewType.Int64, TextParts.Loss, (ScoredText row, ref long value) => value = row.Score.ByteCount);
        Add(columns, names.CharacterCount, NumberDataViewType.Int64, TextParts.Loss, (ScoredText row, ref long value) => value = row.Score.CharacterCount);
        Add(columns, names.WordCount, NumberDataViewType.Int64, TextParts.Loss, (ScoredText row, ref long value) => value = row.Score.WordCount);
        Add(columns, names.Top1Count, NumberDataViewType.Int64, TextParts.Loss, (ScoredText row, ref long value) => value = row.Score.Top1Count);
        Add(columns, names.Top5Count, NumberDataViewType.Int64, TextParts.Loss, (ScoredText row, ref long value) => value = row.Score.Top5Count);
        Add(columns, names.CrossEntropy, NumberDataViewType.Double, TextParts.Loss, (ScoredText row, ref double value) => value = row.Score.Loss.CrossEntropy, notes => notes.AddScore(Score));
        Add(columns, names.Perplexity, NumberDataViewType.Double, TextParts.Loss, (ScoredText row, ref double value) => value = row.Score.Loss.Perplexity, notes => notes.AddScore(Score));
    }

    private static void AddTokens(List<OutputColumn> columns, GptOutputColumns names)
    {
        Add(
            columns,
            names.Tokens,
            new VectorDataViewType(TextDataViewType.Instance),
            TextParts.None,
            (ScoredText row, ref VBuffer<ReadOnlyMemory<char>> value) => Fill(ref value, row.LossIds, id => row.TokenText(id)));
        Add(
            columns,
            names.TokenLogProbabilities,
            new VectorDataViewType(NumberDataViewType.Single),
            TextParts.Loss,
            (ScoredText row, ref VBuffer<float> value) => Fill(ref value, row.TokenLogProbabilities, static element => element),
            names.Tokens is { } tokens ? notes => notes.AddText(TokensColumnKind, tokens) : null);
    }

    /// <summary>The annotation by which a column with a value for each token names the column of the tokens: a vector of no fixed length has no slot names.</summary>
    internal const string TokensColumnKind = "TokensColumn";

    private static TextReader<VBuffer<T>> CandidateReader<T>(Func<ScoredText, TokenCandidate, T> select) =>
        (ScoredText row, ref VBuffer<T> value) => Fill(ref value, row.Candidates, candidate => select(row, candidate));

    private static float ProbabilityOf(TokenCandidate candidate) => (float)Math.Exp(candidate.LogProbability);

    private static void Add<T>(
        List<OutputColumn> columns, string? name, DataViewType type, TextParts parts, TextReader<T> read, Action<OutputAnnotations>? annotate = null)
    {
        if (name is not null) columns.Add(OutputColumn.Create(name, type, parts, read, annotate));
    }

    private static void Fill<TSource, T>(ref VBuffer<T> value, IReadOnlyList<TSource> source, Func<TSource, T> select)
    {
        var editor = VBufferEditor.Create(ref value, source.Count);
        for (int i = 0; i < source.Count; i++) editor.Values[i] = select(source[i]);
        value = editor.Commit();
    }
}
