using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>
/// The schema annotations of an output column. Score columns have the same ones as those of ML.NET's own scorers, so
/// that its tools find them: the kind of task, the kind of value, and an id that the columns of one scorer share.
/// </summary>
internal sealed class OutputAnnotations(uint scoreColumnSetId)
{
    private const string VocabularySizeKind = "VocabularySize";
    private const string SlotNames = "SlotNames";
    private const string ScoreColumnSetId = "ScoreColumnSetId";
    private const string ScoreColumnKind = "ScoreColumnKind";
    private const string ScoreValueKind = "ScoreValueKind";

    private readonly DataViewSchema.Annotations.Builder _builder = new();

    /// <summary>Marks a column as a scorer's.</summary>
    /// <param name="valueKind">One of ML.NET's: Score, Probability, PredictedLabel.</param>
    /// <param name="task">The kind of task, as ML.NET calls its own.</param>
    public void AddScore(string valueKind, string task = "LanguageModeling")
    {
        AddText(ScoreColumnKind, task);
        AddText(ScoreValueKind, valueKind);
        _builder.Add(ScoreColumnSetId, new KeyDataViewType(typeof(uint), int.MaxValue), (ref uint value) => value = scoreColumnSetId);
    }

    /// <summary>Names the slots of a vector of candidates by their ranks, from 1.</summary>
    public void AddRanks(int count) => _builder.Add(
        SlotNames,
        new VectorDataViewType(TextDataViewType.Instance, count),
        (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var editor = VBufferEditor.Create(ref value, count);
            for (int i = 0; i < count; i++) editor.Values[i] = (i + 1).ToString(CultureInfo.InvariantCulture).AsMemory();
            value = editor.Commit();
        });

    /// <summary>Adds what keys stand for.</summary>
    public void AddKeyValues(LabelKeys keys) => keys.AddTo(_builder);

    /// <summary>Names the slots of a vector.</summary>
    public void AddSlotNames(ReadOnlyMemory<char>[] names) => _builder.Add(
        SlotNames,
        new VectorDataViewType(TextDataViewType.Instance, names.Length),
        (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var editor = VBufferEditor.Create(ref value, names.Length);
            names.CopyTo(editor.Values);
            value = editor.Commit();
        });

    /// <summary>Returns the names of a column's slots; those of candidates, from 1, if it has none.</summary>
    public static ReadOnlyMemory<char>[] SlotNamesOf(DataViewSchema.Column column, int count)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        if (column.HasSlotNames()) column.GetSlotNames(ref names);
        return names.Length == count
            ? [.. names.DenseValues()]
            : [.. Enumerable.Range(1, count).Select(number => number.ToString(CultureInfo.InvariantCulture).AsMemory())];
    }

    /// <summary>Adds the size of the model's vocabulary, from which an evaluator computes the baseline.</summary>
    public void AddVocabularySize(int size) => _builder.Add(VocabularySizeKind, NumberDataViewType.Int32, (ref int value) => value = size);

    /// <summary>Adds a text about the column.</summary>
    public void AddText(string kind, string text) =>
        _builder.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());

    public DataViewSchema.Annotations ToAnnotations() => _builder.ToAnnotations();

    /// <summary>Returns the next id after those of a schema's score columns.</summary>
    public static uint NextScoreColumnSetId(DataViewSchema schema)
    {
        uint greatest = 0;
        foreach (var column in schema)
        {
            var annotation = column.Annotations.Schema.GetColumnOrNull(ScoreColumnSetId);
            if (annotation?.Type is not KeyDataViewType type || type.RawType != typeof(uint)) continue;
            uint id = 0;
            column.Annotations.GetValue(ScoreColumnSetId, ref id);
            greatest = Math.Max(greatest, id);
        }

        return greatest + 1;
    }

    /// <exception cref="ArgumentException">The column does not state the size of the vocabulary.</exception>
    public static int ReadVocabularySize(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(VocabularySizeKind) is null)
        {
            throw new ArgumentException(
                $"Column '{column.Name}' does not say how large the vocabulary is; it must come from a GptTransformer.");
        }

        int size = 0;
        column.Annotations.GetValue(VocabularySizeKind, ref size);
        return size;
    }
}
