using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Benchmarks.Measurement;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Rows of an ML.NET view, GPT-2 small at f32: scored one by one, as in a prediction engine, and several per pass, as
/// with a cursor. The values are the same to the last bit.
/// </summary>
internal static class RowsBenchmark
{
    private const int Rounds = 3;
    private const int RowCount = 64;
    private const int GeneratedRows = 8;

    public static void Run()
    {
        string novel = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
        string[] words = novel.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        string[] texts = [.. words.Skip(1000).Chunk(12).Take(RowCount).Select(chunk => string.Join(' ', chunk))];
        using var model = GptModel.FromWeights(RandomWeights.Create(GptPresets.Gpt2Small), Gpt2Tokenizer.Instance);
        var ml = new MLContext(seed: 1);
        int tokens = texts.Sum(text => model.Tokenizer.Count(text));

        string title = $"Loss and next token of {RowCount} rows of {tokens / RowCount} tokens";
        Compare(ml, model, texts, title, "tokens/s", tokens, new(), "Perplexity", "Probability");
        title = $"Embeddings of {RowCount} rows";
        Compare(ml, model, texts, title, "rows/s", RowCount, new() { Embedding = "Embedding" }, "Embedding");
        title = $"Continuations of {GeneratedRows} rows by 8 tokens";
        var columns = new GptOutputColumns { GeneratedText = "Continuation" };
        Compare(ml, model, texts[..GeneratedRows], title, "tokens/s", 8 * GeneratedRows, columns, "Continuation");
    }

    private static void Compare(
        MLContext ml,
        GptModel model,
        string[] texts,
        string title,
        string unit,
        double work,
        GptOutputColumns columns,
        params string[] names)
    {
        var generation = new GenerationOptions { MaxTokens = 8, StopAtEndOfText = false };
        var transformer = new GptTransformer(model, new() { Columns = columns, Generation = generation });
        var data = ml.Data.LoadFromEnumerable(texts.Select(text => new { Text = text }));
        var mapper = transformer.GetRowToRowMapper(data.Schema);
        var view = transformer.Transform(data);
        Report.Print(
            title,
            unit,
            Comparison.Run(
                Rounds,
                new("row by row", work, () =>
                {
                    using var cursor = data.GetRowCursor(data.Schema);
                    Read(mapper.GetRow(cursor, names.Select(name => mapper.OutputSchema[name])), names, cursor.MoveNext);
                }),
                new("under a cursor", work, () =>
                {
                    using var cursor = view.GetRowCursor(names.Select(name => view.Schema[name]));
                    Read(cursor, names, cursor.MoveNext);
                })));
    }

    private static void Read(DataViewRow row, string[] names, Func<bool> moveNext)
    {
        Action[] getters = [.. names.Select(name => Getter(row, row.Schema[name]))];
        while (moveNext())
        {
            foreach (var get in getters) get();
        }
    }

    private static Action Getter(DataViewRow row, DataViewSchema.Column column) => column.Type switch
    {
        TextDataViewType => Getter<ReadOnlyMemory<char>>(row, column),
        VectorDataViewType => Getter<VBuffer<float>>(row, column),
        NumberDataViewType when column.Type.RawType == typeof(double) => Getter<double>(row, column),
        _ => Getter<float>(row, column),
    };

    private static Action Getter<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        T value = default!;
        return () => getter(ref value);
    }
}
