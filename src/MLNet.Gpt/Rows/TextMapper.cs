using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Views;

namespace MLNet.Gpt.Rows;

/// <summary>A classifier of texts bound to an input schema.</summary>
internal sealed class TextMapper : IRowMapper
{
    private readonly GptTextTransformer _transformer;
    private readonly DataViewSchema.Column _first;
    private readonly DataViewSchema.Column? _second;
    private readonly Cancellation _cancellation;
    private readonly DataViewSchema.DetachedColumn[] _columns;

    /// <exception cref="ArgumentException">An input column is missing or not text.</exception>
    public TextMapper(GptTextTransformer transformer, DataViewSchema schema, Cancellation cancellation)
    {
        (_transformer, _cancellation) = (transformer, cancellation);
        var names = transformer.Columns;
        _first = TextColumn.Find(schema, names.Sentence1);
        _second = names.Sentence2 is { } second ? TextColumn.Find(schema, second) : null;
        var classifier = transformer.Classifier;
        _columns = ColumnsOf(
            names, classifier.IsRegression ? null : classifier.Labels, transformer.Keys, OutputAnnotations.NextScoreColumnSetId(schema));
    }

    /// <summary>Returns the columns that are added: the scores and, if there are labels, the predicted one.</summary>
    public static DataViewSchema.DetachedColumn[] ColumnsOf(
        TextColumns names, IReadOnlyList<string>? labels, LabelKeys? keys, uint scoreColumnSetId)
    {
        if (labels is null)
        {
            var number = new OutputAnnotations(scoreColumnSetId);
            number.AddScore("Score", "Regression");
            return [new(names.Score, NumberDataViewType.Single, number.ToAnnotations())];
        }

        OutputAnnotations predicted = new(scoreColumnSetId), score = new(scoreColumnSetId);
        predicted.AddScore("PredictedLabel", "MulticlassClassification");
        if (keys is not null) predicted.AddKeyValues(keys);
        score.AddScore("Score", "MulticlassClassification");
        score.AddSlotNames([.. labels.Select(label => label.AsMemory())]);
        return [
            new(names.PredictedLabel, new KeyDataViewType(typeof(uint), labels.Count), predicted.ToAnnotations()),
            new(names.Score, new VectorDataViewType(NumberDataViewType.Single, labels.Count), score.ToAnnotations()),
        ];
    }

    public DataViewSchema.DetachedColumn[] GetOutputColumns() => _columns;

    public Func<int, bool> GetDependencies(Func<int, bool> activeOutput)
    {
        bool isActive = Enumerable.Range(0, _columns.Length).Any(activeOutput);
        return index => isActive && (index == _first.Index || index == _second?.Index);
    }

    public Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput, out Action? disposer)
    {
        disposer = null;
        var read = Enumerable.Range(0, _columns.Length).Any(activeOutput) ? CreateReader(input) : null;
        return [.. _columns.Select((column, i) => activeOutput(i) ? Getter(column, read!) : null!)];
    }

    public ITransformer GetTransformer() => _transformer;

    public void Save(ModelSaveContext ctx) => ((ICanSaveModel)_transformer).Save(ctx);

    private static Delegate Getter(DataViewSchema.DetachedColumn column, Func<TextPrediction?> read) => column.Type switch
    {
        KeyDataViewType => (ValueGetter<uint>)((ref uint value) => value = read() is { } row ? (uint)row.Index + 1 : 0),
        VectorDataViewType vector => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
        {
            var scores = read()?.Scores;
            var editor = VBufferEditor.Create(ref value, vector.Size);
            for (int i = 0; i < vector.Size; i++) editor.Values[i] = scores?[i] ?? float.NaN;
            value = editor.Commit();
        }),
        _ => (ValueGetter<float>)((ref float value) => value = read()?.Score ?? float.NaN),
    };

    // The columns of a row share what was computed for its texts. They are read each time, because an engine's row changes while its
    // position does not. There is no prediction for a text that is empty if the vocabulary has no token to stand for it.
    private Func<TextPrediction?> CreateReader(DataViewRow input)
    {
        var getFirst = input.GetGetter<ReadOnlyMemory<char>>(_first);
        var getSecond = _second is { } column ? input.GetGetter<ReadOnlyMemory<char>>(column) : null;
        (string First, string? Second)? last = null;
        TextPrediction? prediction = null;
        return () =>
        {
            _cancellation.ThrowIfRequested();
            ReadOnlyMemory<char> first = default, second = default;
            getFirst(ref first);
            getSecond?.Invoke(ref second);
            var texts = (first.ToString(), getSecond is null ? null : second.ToString());
            if (last == texts) return prediction;
            var classifier = _transformer.Classifier;
            bool isMissing = getSecond is null && first.IsEmpty && classifier.Model.Tokenizer.EndOfTextId is null;
            prediction = isMissing ? null : classifier.Predict(texts.Item1, texts.Item2, _cancellation.Token);
            last = texts;
            return prediction;
        };
    }
}
