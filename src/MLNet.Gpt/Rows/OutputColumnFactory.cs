using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>Creates the columns that the options name, in the order of the table at <see cref="GptOutputColumns"/>.</summary>
internal sealed class OutputColumnFactory
{
    /// <summary>
    /// The annotation that names the column of the tokens, on columns with a value for each token: a vector whose length
    /// varies has no slot names.
    /// </summary>
    public const string TokensColumnKind = "TokensColumn";

    private const string Score = "Score", Probability = "Probability", PredictedLabel = "PredictedLabel";

    private readonly GptOutputColumns _names;
    private readonly GptConfig _config;
    private readonly List<OutputColumn> _columns = [];

    private OutputColumnFactory(GptOutputColumns names, GptConfig config) => (_names, _config) = (names, config);

    /// <summary>Creates the columns of a transformer over a model with these sizes.</summary>
    public static OutputColumn[] Create(GptOutputColumns names, GptConfig config)
    {
        var factory = new OutputColumnFactory(names, config);
        factory.AddPrediction();
        factory.AddCandidates();
        factory.AddLoss();
        factory.AddTokens();
        factory.Add(
            names.GeneratedText, TextDataViewType.Instance, TextParts.Continuation,
            (RowResult row, ref ReadOnlyMemory<char> value) => value = row.Continuation.AsMemory());
        factory.AddVector(
            names.Embedding, NumberDataViewType.Single, config.EmbeddingWidth, TextParts.Embedding, static row => row.Embedding);
        return [.. factory._columns];
    }

    private void AddPrediction()
    {
        Action<OutputAnnotations> isLabel = static notes => notes.AddScore(PredictedLabel);
        Add(
            _names.PredictedToken, TextDataViewType.Instance, TextParts.NextToken,
            (RowResult row, ref ReadOnlyMemory<char> value) => value = row.Candidates[0].Text.AsMemory(), isLabel);
        Add(
            _names.PredictedTokenId, NumberDataViewType.Int32, TextParts.NextToken,
            (RowResult row, ref int value) => value = row.Candidates[0].Id, isLabel);
        Add(
            _names.Probability, NumberDataViewType.Single, TextParts.NextToken,
            (RowResult row, ref float value) => value = ProbabilityOf(row.Candidates[0]), static notes => notes.AddScore(Probability));
    }

    private void AddCandidates()
    {
        int count = _names.CandidateCount;
        Add(_names.CandidateTokens, TextDataViewType.Instance, static row => Select(row, static candidate => candidate.Text.AsMemory()));
        Add(_names.CandidateTokenIds, NumberDataViewType.Int32, static row => Select(row, static candidate => candidate.Id));
        Add(_names.CandidateProbabilities, NumberDataViewType.Single, static row => Select(row, ProbabilityOf));

        void Add<T>(string? name, PrimitiveDataViewType type, Func<RowResult, T[]> select) =>
            AddVector(name, type, count, TextParts.NextToken, select, notes => notes.AddRanks(count));

        static T[] Select<T>(RowResult row, Func<TokenCandidate, T> select) => [.. row.Candidates.Select(select)];
    }

    private void AddLoss()
    {
        Add(
            _names.NegativeLogLikelihood, NumberDataViewType.Double, TextParts.Loss,
            (RowResult row, ref double value) => value = row.Metrics.Loss.Sum,
            notes =>
            {
                notes.AddScore(Score);
                notes.AddVocabularySize(_config.VocabularySize);
            });
        AddCount(_names.TokenCount, static row => row.Text.TargetCount, TextParts.None);
        AddCount(_names.ByteCount, static row => row.Metrics.ByteCount);
        AddCount(_names.CharacterCount, static row => row.Metrics.CharacterCount);
        AddCount(_names.WordCount, static row => row.Metrics.WordCount);
        AddCount(_names.Top1Count, static row => row.Metrics.Top1Count);
        AddCount(_names.Top5Count, static row => row.Metrics.Top5Count);
        AddLossValue(_names.CrossEntropy, static row => row.Metrics.CrossEntropy);
        AddLossValue(_names.Perplexity, static row => row.Metrics.Perplexity);

        void AddCount(string? name, Func<RowResult, long> select, TextParts parts = TextParts.Loss) =>
            Add(name, NumberDataViewType.Int64, parts, (RowResult row, ref long value) => value = select(row));

        void AddLossValue(string? name, Func<RowResult, double> select)
        {
            Action<OutputAnnotations> isScore = static notes => notes.AddScore(Score);
            if (_names.LossesAsSingle)
            {
                Add(
                    name, NumberDataViewType.Single, TextParts.Loss, (RowResult row, ref float value) => value = (float)select(row),
                    isScore);
            }
            else
            {
                Add(name, NumberDataViewType.Double, TextParts.Loss, (RowResult row, ref double value) => value = select(row), isScore);
            }
        }
    }

    // Each has an element per token, so it has no fixed length.
    private void AddTokens()
    {
        Action<OutputAnnotations>? namesTokens = _names.Tokens is { } tokens ? notes => notes.AddText(TokensColumnKind, tokens) : null;
        AddVector(
            _names.Tokens, TextDataViewType.Instance, 0, TextParts.None,
            static row => Array.ConvertAll(row.Text.LossIds, row.Text.TokenText));
        AddVector(_names.TokenIds, NumberDataViewType.Int32, 0, TextParts.None, static row => row.Text.LossIds, namesTokens);
        AddVector(_names.TokenStarts, NumberDataViewType.Int32, 0, TextParts.None, static row => row.Text.TokenStarts(), namesTokens);
        AddVector(
            _names.TokenLogProbabilities, NumberDataViewType.Single, 0, TextParts.Loss,
            static row => row.TokenLogProbabilities, namesTokens);
    }

    private static float ProbabilityOf(TokenCandidate candidate) => (float)candidate.Probability;

    // A size of 0 means that it varies.
    private void AddVector<T>(
        string? name,
        PrimitiveDataViewType type,
        int size,
        TextParts parts,
        Func<RowResult, T[]> select,
        Action<OutputAnnotations>? annotate = null) =>
        Add(
            name, new VectorDataViewType(type, size), parts,
            (RowResult row, ref VBuffer<T> value) =>
            {
                var elements = select(row);
                var editor = VBufferEditor.Create(ref value, elements.Length);
                elements.CopyTo(editor.Values);
                value = editor.Commit();
            },
            annotate);

    private void Add<T>(
        string? name, DataViewType type, TextParts parts, ResultReader<T> read, Action<OutputAnnotations>? annotate = null)
    {
        if (name is not null) _columns.Add(OutputColumn.Create(name, type, parts, read, annotate));
    }
}
