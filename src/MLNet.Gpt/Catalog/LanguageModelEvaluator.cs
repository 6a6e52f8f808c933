using System.Globalization;
using MLNet.Gpt.Configuration;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt.Catalog;

/// <summary>Adds up the loss columns of a <see cref="GptTransformer"/>, in one pass over the rows.</summary>
internal sealed class LanguageModelEvaluator(IHostEnvironment environment, GptOutputColumns names)
{
    /// <param name="data">The scored rows.</param>
    /// <param name="progress">Receives the sums so far after each row.</param>
    /// <param name="cancellationToken">Checked before each row.</param>
    public LanguageModelMetrics Evaluate(IDataView data, IProgress<LanguageModelMetrics>? progress, CancellationToken cancellationToken)
    {
        var cancellation = new Cancellation(environment.RegisterQuietly(nameof(LanguageModelEvaluator)), cancellationToken);
        var loss = Find(data.Schema, names.NegativeLogLikelihood, nameof(names.NegativeLogLikelihood), NumberDataViewType.Double);
        var counts = Array.ConvertAll(
            CountColumns(), column => Find(data.Schema, column.Name, column.Role, NumberDataViewType.Int64));
        int vocabularySize = OutputAnnotations.ReadVocabularySize(loss);

        using var cursor = data.GetRowCursor([loss, .. counts]);
        var getLoss = cursor.GetGetter<double>(loss);
        var getCounts = Array.ConvertAll(counts, cursor.GetGetter<long>);
        long[] values = new long[counts.Length];
        var total = new LanguageModelMetrics(LossSummary.Empty, vocabularySize);
        var units = new UnitSums();
        while (true)
        {
            cancellation.ThrowIfRequested();
            if (!cursor.MoveNext()) break;
            double nats = 0;
            getLoss(ref nats);
            for (int i = 0; i < values.Length; i++) getCounts[i](ref values[i]);
            var row = new LanguageModelMetrics(LossSummary.Of(nats, values[0]), vocabularySize)
            {
                ByteCount = values[1],
                CharacterCount = values[2],
                WordCount = values[3],
                Top1Count = values[4],
                Top5Count = values[5],
                DocumentCount = 1,
            };
            units.Add(total.DocumentCount, row);
            total += row;
            progress?.Report(total);
        }

        if (total.TokenCount == 0)
        {
            throw new InvalidOperationException(
                $"Nothing to evaluate: none of the {Quantity.Of(total.DocumentCount, "row")} has a token with another one before it.");
        }

        using var channel = environment.Start(nameof(LanguageModelEvaluator));
        channel.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{total.CrossEntropy:F4} nats per token, perplexity {total.Perplexity:F2} of {vocabularySize}, ")
            + $"over {Quantity.Of(total.TokenCount, "token")} of {Quantity.Of(total.DocumentCount, "row")}.");
        return total.With(units);
    }

    // In the order in which Evaluate uses them.
    private (string? Name, string Role)[] CountColumns() =>
    [
        (names.TokenCount, nameof(names.TokenCount)), (names.ByteCount, nameof(names.ByteCount)),
        (names.CharacterCount, nameof(names.CharacterCount)), (names.WordCount, nameof(names.WordCount)),
        (names.Top1Count, nameof(names.Top1Count)), (names.Top5Count, nameof(names.Top5Count)),
    ];

    private static DataViewSchema.Column Find(DataViewSchema schema, string? name, string role, DataViewType type)
    {
        if (name is null) throw new ArgumentException($"The evaluator needs the column {role}, and its name is null.");
        var column = schema.GetColumnOrNull(name)
            ?? throw new ArgumentOutOfRangeException(nameof(name), name, $"Could not find the {role} column '{name}'.");
        return column.Type.Equals(type)
            ? column
            : throw new ArgumentException($"Schema mismatch for the {role} column '{name}': expected {type}, got {column.Type}.");
    }
}
