using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

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
        Add(
            columns,
            names.GeneratedText,
            TextDataViewType.Instance,
            TextParts.Continuation,
            (ScoredText row, ref ReadOnlyMemory<char> value) => value = row.Continuation.AsMemory());
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
        void Add<T>(string? name, DataViewType type, TextReader<T> read, Action<OutputAnnotations> annotate) =>
            OutputColumnFactory.Add(columns, name, type, TextParts.NextToken, read, annotate);

        Action<OutputAnnotations> isLabel = static notes => notes.AddScore(PredictedLabel);
        Add(
            names.PredictedToken,
            TextDataViewType.Instance,
            (ScoredText row, ref ReadOnlyMemory<char> value) => value = row.TokenText(row.Candidates[0].Id),
            isLabel);
        Add(
            names.PredictedTokenId,
            NumberDataViewType.Int32,
            (ScoredText row, ref int value) => value = row.Candidates[0].Id,
            isLabel);
        Add(
            names.Probability,
            NumberDataViewType.Single,
            (ScoredText row, ref float value) => value = ProbabilityOf(row.Candidates[0]),
            static notes => notes.AddScore(Probability));

        int count = names.CandidateCount;
        Action<OutputAnnotations> hasRanks = notes => notes.AddRanks(count);
        Add(
            names.CandidateTokens,
            new VectorDataViewType(TextDataViewType.Instance, count),
            CandidateReader(static (row, candidate) => row.TokenText(candidate.Id)),
            hasRanks);
        Add(
            names.CandidateTokenIds,
            new VectorDataViewType(NumberDataViewType.Int32, count),
            CandidateReader(static (_, candidate) => candidate.Id),
            hasRanks);
        Add(
            names.CandidateProbabilities,
            new VectorDataViewType(NumberDataViewType.Single, count),
            CandidateReader(static (_, candidate) => ProbabilityOf(candidate)),
            hasRanks);
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
        AddCount(names.TokenCount, static row => row.TokenCount, TextParts.None);
        AddCount(names.ByteCount, static row => row.Score.ByteCount);
        AddCount(names.CharacterCount, static row => row.Score.CharacterCount);
        AddCount(names.WordCount, static row => row.Score.WordCount);
        AddCount(names.Top1Count, static row => row.Score.Top1Count);
        AddCount(names.Top5Count, static row => row.Score.Top5Count);
        AddLossValue(columns, names.CrossEntropy, names.LossesAsSingle, static row => row.Score.Loss.CrossEntropy);
        AddLossValue(columns, names.Perplexity, names.LossesAsSingle, static row => row.Score.Loss.Perplexity);

        void AddCount(string? name, Func<ScoredText, long> select, TextParts parts = TextParts.Loss) =>
            Add(columns, name, NumberDataViewType.Int64, parts, (ScoredText row, ref long value) => value = select(row));
    }

    private static void AddLossValue(List<OutputColumn> columns, string? name, bool isSingle, Func<ScoredText, double> select)
    {
        if (isSingle)
        {
            Add(
                columns, name, NumberDataViewType.Single, TextParts.Loss, (ScoredText row, ref float value) => value = (float)select(row),
                notes => notes.AddScore(Score));
        }
        else
        {
            Add(
                columns, name, NumberDataViewType.Double, TextParts.Loss, (ScoredText row, ref double value) => value = select(row),
                notes => notes.AddScore(Score));
        }
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
            names.TokenIds,
            new VectorDataViewType(NumberDataViewType.Int32),
            TextParts.None,
            (ScoredText row, ref VBuffer<int> value) => Fill(ref value, row.LossIds, static id => id),
            OfTokens(names));
        Add(
            columns,
            names.TokenStarts,
            new VectorDataViewType(NumberDataViewType.Int32),
            TextParts.None,
            (ScoredText row, ref VBuffer<int> value) => Fill(ref value, row.TokenStarts, static start => start),
            OfTokens(names));
        Add(
            columns,
            names.TokenLogProbabilities,
            new VectorDataViewType(NumberDataViewType.Single),
            TextParts.Loss,
            (ScoredText row, ref VBuffer<float> value) => Fill(ref value, row.TokenLogProbabilities, static element => element),
            OfTokens(names));
    }

    private static Action<OutputAnnotations>? OfTokens(GptOutputColumns names) =>
        names.Tokens is { } tokens ? notes => notes.AddText(TokensColumnKind, tokens) : null;

    /// <summary>
    /// The annotation by which a column with a value for each token names the column of the tokens: a vector of no fixed length
    /// has no slot names.
    /// </summary>
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
