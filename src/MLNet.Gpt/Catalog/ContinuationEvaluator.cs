using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Views;

namespace MLNet.Gpt.Catalog;

/// <summary>Compares what a <see cref="ContinuationTransformer"/> computed with the right answers, in one pass over the rows.</summary>
internal sealed class ContinuationEvaluator(IHostEnvironment environment, ContinuationTransformerOptions names)
{
    /// <param name="data">The scored rows.</param>
    /// <param name="answerColumnName">The column of the right choices; not read if there is one continuation.</param>
    /// <param name="cancellationToken">Checked before each row.</param>
    public TaskMetrics Evaluate(IDataView data, string answerColumnName, CancellationToken cancellationToken)
    {
        var cancellation = new Cancellation(environment.RegisterQuietly(nameof(ContinuationEvaluator)), cancellationToken);
        var text = Find(data.Schema, names.ContinuationColumnName, nameof(names.ContinuationColumnName));
        var likelihood = Find(data.Schema, names.LogLikelihood, nameof(names.LogLikelihood));
        var count = Find(data.Schema, names.ContinuationTokenCount, nameof(names.ContinuationTokenCount));
        var greedy = Find(data.Schema, names.IsGreedy, nameof(names.IsGreedy));
        bool isVector = text.Type is VectorDataViewType;
        DataViewSchema.Column? answer = isVector ? Find(data.Schema, answerColumnName, "answer") : null;
        DataViewSchema.Column[] columns = [text, likelihood, count, greedy];
        using var cursor = data.GetRowCursor(answer is { } read ? [.. columns, read] : columns);
        var getTexts = Getter<ReadOnlyMemory<char>>(cursor, text, isVector);
        var getLikelihoods = Getter<double>(cursor, likelihood, isVector);
        var getCounts = Getter<long>(cursor, count, isVector);
        var getGreedy = Getter<bool>(cursor, greedy, isVector);
        Func<int?> getAnswer = answer is { } column ? AnswerGetter(cursor, column) : () => 0;
        var total = TaskMetrics.Empty;
        long index = 0;
        while (true)
        {
            cancellation.ThrowIfRequested();
            if (!cursor.MoveNext()) break;
            var (texts, likelihoods, counts, areGreedy) = (getTexts(), getLikelihoods(), getCounts(), getGreedy());
            int? right = getAnswer();
            if (right >= likelihoods.Length || right < 0) right = null;
            if (Array.Exists(likelihoods, double.IsNaN)) right = null; // a row with an empty choice is neither right nor wrong
            ChoiceScore[] choices = right is null ? [] : [.. likelihoods.Select((value, i) =>
                ChoiceScore.Of(LossSummary.Of(-value, counts[i]), areGreedy[i], texts[i].ToString()))];
            total += TaskMetrics.Of(new TaskResult(
                index++, "", isVector ? TaskKind.MultipleChoice : TaskKind.Completion, right, choices));
        }

        if (total.AnsweredCount == 0)
        {
            throw new InvalidOperationException("Nothing to evaluate: no row has a right answer and choices that are not empty.");
        }

        using var channel = environment.Start(nameof(ContinuationEvaluator));
        channel.Info(total.ToString());
        return total;
    }

    private static Func<T[]> Getter<T>(DataViewRow row, DataViewSchema.Column column, bool isVector)
    {
        var expected = isVector ? (column.Type as VectorDataViewType)?.ItemType : column.Type;
        if (expected?.RawType != typeof(T))
        {
            throw new ArgumentException(
                $"Schema mismatch for column '{column.Name}': expected {(isVector ? "a vector of " : "")}{typeof(T).Name}, "
                + $"got {column.Type}.");
        }

        if (isVector)
        {
            var getVector = row.GetGetter<VBuffer<T>>(column);
            VBuffer<T> vector = default;
            return () =>
            {
                getVector(ref vector);
                return [.. vector.DenseValues()];
            };
        }

        var getValue = row.GetGetter<T>(column);
        return () =>
        {
            T value = default!;
            getValue(ref value);
            return [value];
        };
    }

    // The index of the right choice, from 0; null if it is missing. The value of a key is its number, from 1.
    private static Func<int?> AnswerGetter(DataViewRow row, DataViewSchema.Column column)
    {
        int first = column.Type is KeyDataViewType ? 1 : 0;
        return column.Type.RawType == typeof(int) ? Of<int>(value => value)
            : column.Type.RawType == typeof(long) ? Of<long>(value => checked((int)value))
            : column.Type.RawType == typeof(uint) ? Of<uint>(value => checked((int)value) - first)
            : column.Type.RawType == typeof(float) ? Of<float>(value => float.IsInteger(value) ? (int)value : null)
            : throw new ArgumentException(
                $"Schema mismatch for the answer column '{column.Name}': expected Int32, Int64, UInt32, Single or a key, "
                + $"got {column.Type}.");

        Func<int?> Of<T>(Func<T, int?> convert)
        {
            var get = row.GetGetter<T>(column);
            return () =>
            {
                T value = default!;
                get(ref value);
                return convert(value);
            };
        }
    }

    private static DataViewSchema.Column Find(DataViewSchema schema, string? name, string role)
    {
        if (name is null) throw new ArgumentException($"The evaluator needs the column {role}, and its name is null.");
        return schema.GetColumnOrNull(name) ?? throw TextColumn.Missing(nameof(schema), role, name, schema);
    }
}
