using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Transforms;

/// <summary>Makes the columns that the options name, in the order of the table at <see cref="GptOutputColumns"/>.</summary>
internal static class OutputColumnFactory
{
    public static OutputColumn[] Create(GptOutputColumns names, GptConfig config)
    {
        var columns = new List<OutputColumn>();
        AddPrediction(columns, names);
        AddLoss(columns, names, config);
        AddTokens(columns, names);
        Add(columns, names.GeneratedText, TextDataViewType.Instance, (ScoredRow row, ref ReadOnlyMemory<char> value) => value = row.GeneratedText.AsMemory());
        Add(
            columns,
            names.Embedding,
            new VectorDataViewType(NumberDataViewType.Single, config.EmbeddingWidth),
            (ScoredRow row, ref VBuffer<float> value) => Fill(ref value, row.Embedding, static element => element));
        return [.. columns];
    }

    private static void AddPrediction(List<OutputColumn> columns, GptOutputColumns names)
    {
        Add(columns, names.PredictedToken, TextDataViewType.Instance, (ScoredRow row, ref ReadOnlyMemory<char> value) => value = row.TokenText(row.Candidates[0].Id));
        Add(columns, names.PredictedTokenId, NumberDataViewType.Int32, (ScoredRow row, ref int value) => value = row.Candidates[0].Id);
        Add(columns, names.Probability, NumberDataViewType.Single, (ScoredRow row, ref float value) => value = ProbabilityOf(row.Candidates[0]));

        int count = names.CandidateCount;
        Add(columns, names.CandidateTokens, new VectorDataViewType(TextDataViewType.Instance, count), CandidateReader(static (row, candidate) => row.TokenText(candidate.Id)));
        Add(columns, names.CandidateTokenIds, new VectorDataViewType(NumberDataViewType.Int32, count), CandidateReader(static (_, candidate) => candidate.Id));
        Add(columns, names.CandidateProbabilities, new VectorDataViewType(NumberDataViewType.Single, count), CandidateReader(static (_, candidate) => ProbabilityOf(candidate)));
    }

    private static void AddLoss(List<OutputColumn> columns, GptOutputColumns names, GptConfig config)
    {
        Add(
            columns,
            names.NegativeLogLikelihood,
            NumberDataViewType.Double,
            (ScoredRow row, ref double value) => value = row.Score.Loss.Sum,
            VocabularySizeAnnotation.Create(config.VocabularySize));
        Add(columns, names.TokenCount, NumberDataViewType.Int64, (ScoredRow row, ref long value) => value = row.Score.Loss.TokenCount);
        Add(columns, names.ByteCount, NumberDataViewType.Int64, (ScoredRow row, ref long value) => value = row.Score.ByteCount);
        Add(columns, names.Top1Count, NumberDataViewType.Int64, (ScoredRow row, ref long value) => value = row.Score.Top1Count);
        Add(columns, names.Top5Count, NumberDataViewType.Int64, (ScoredRow row, ref long value) => value = row.Score.Top5Count);
        Add(columns, names.CrossEntropy, NumberDataViewType.Double, (ScoredRow row, ref double value) => value = row.Score.Loss.CrossEntropy);
        Add(columns, names.Perplexity, NumberDataViewType.Double, (ScoredRow row, ref double value) => value = row.Score.Loss.Perplexity);
    }

    private static void AddTokens(List<OutputColumn> columns, GptOutputColumns names)
    {
        Add(
            columns,
            names.Tokens,
            new VectorDataViewType(TextDataViewType.Instance),
            (ScoredRow row, ref VBuffer<ReadOnlyMemory<char>> value) => Fill(ref value, row.TokenIds, id => row.TokenText(id)));
        Add(
            columns,
            names.TokenLogProbabilities,
            new VectorDataViewType(NumberDataViewType.Single),
            (ScoredRow row, ref VBuffer<float> value) => Fill(ref value, row.TokenLogProbabilities, static element => element));
    }

    private static RowReader<VBuffer<T>> CandidateReader<T>(Func<ScoredRow, TokenCandidate, T> select) =>
        (ScoredRow row, ref VBuffer<T> value) => Fill(ref value, row.Candidates, candidate => select(row, candidate));

    private static float ProbabilityOf(TokenCandidate candidate) => (float)Math.Exp(candidate.LogProbability);

    private static void Add<T>(
        List<OutputColumn> columns, string? name, DataViewType type, RowReader<T> read, DataViewSchema.Annotations? annotations = null)
    {
        if (name is not null) columns.Add(OutputColumn.Create(name, type, read, annotations));
    }

    private static void Fill<TSource, T>(ref VBuffer<T> value, IReadOnlyList<TSource> source, Func<TSource, T> select)
    {
        var editor = VBufferEditor.Create(ref value, source.Count);
        for (int i = 0; i < source.Count; i++) editor.Values[i] = select(source[i]);
        value = editor.Commit();
    }
}
