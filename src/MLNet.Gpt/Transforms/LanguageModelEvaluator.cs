using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Loss;

namespace MLNet.Gpt.Transforms;

/// <summary>Adds up the loss columns that a <see cref="GptTransformer"/> made, in one pass over the rows.</summary>
internal static class LanguageModelEvaluator
{
    public static LanguageModelMetrics Evaluate(IDataView data, GptOutputColumns names)
    {
        var loss = Find(data.Schema, names.NegativeLogLikelihood, nameof(names.NegativeLogLikelihood), NumberDataViewType.Double);
        var tokens = Find(data.Schema, names.TokenCount, nameof(names.TokenCount), NumberDataViewType.Int64);
        var bytes = Find(data.Schema, names.ByteCount, nameof(names.ByteCount), NumberDataViewType.Int64);
        var top1 = Find(data.Schema, names.Top1Count, nameof(names.Top1Count), NumberDataViewType.Int64);
        var top5 = Find(data.Schema, names.Top5Count, nameof(names.Top5Count), NumberDataViewType.Int64);
        int vocabularySize = VocabularySizeAnnotation.Read(loss);

        using var cursor = data.GetRowCursor([loss, tokens, bytes, top1, top5]);
        var getLoss = cursor.GetGetter<double>(loss);
        var getTokens = cursor.GetGetter<long>(tokens);
        var getBytes = cursor.GetGetter<long>(bytes);
        var getTop1 = cursor.GetGetter<long>(top1);
        var getTop5 = cursor.GetGetter<long>(top5);

        var total = DocumentScore.Empty;
        while (cursor.MoveNext())
        {
            double lossValue = 0;
            long tokenCount = 0, byteCount = 0, top1Count = 0, top5Count = 0;
            getLoss(ref lossValue);
            getTokens(ref tokenCount);
            getBytes(ref byteCount);
            getTop1(ref top1Count);
            getTop5(ref top5Count);
            total += new DocumentScore(LossSummary.Of(lossValue, tokenCount), byteCount, CharacterCount: 0, WordCount: 0, top1Count, top5Count, 1);
        }

        return total.Loss.TokenCount > 0
            ? new LanguageModelMetrics(total, vocabularySize)
            : throw new InvalidOperationException(
                $"Nothing to evaluate: of {total.DocumentCount} rows none has a token with another before it.");
    }

    private static DataViewSchema.Column Find(DataViewSchema schema, string? name, string role, DataViewType type)
    {
        if (name is null) throw new ArgumentException($"The evaluator needs the column {role}; its name is null.");
        var column = schema.GetColumnOrNull(name)
            ?? throw new ArgumentOutOfRangeException(nameof(name), name, $"Could not find the {role} column '{name}'.");
        return column.Type.Equals(type)
            ? column
            : throw new ArgumentException($"Schema mismatch for the {role} column '{name}': expected {type}, got {column.Type}.");
    }
}
