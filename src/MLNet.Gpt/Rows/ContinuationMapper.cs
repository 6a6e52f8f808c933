using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Views;

namespace MLNet.Gpt.Rows;

/// <summary>A transformer of continuations bound to an input schema.</summary>
internal sealed class ContinuationMapper : IRowMapper
{
    private const string Score = "Score", Probability = "Probability", PredictedLabel = "PredictedLabel";

    private readonly ITransformer _transformer;
    private readonly ContinuationTransformerOptions _options;
    private readonly DataViewSchema.Column _context, _continuation;
    private readonly ContinuationScorer _scorer;
    private readonly Cancellation _cancellation;
    private readonly Column[] _columns;

    /// <exception cref="ArgumentException">An input column is missing or not text.</exception>
    public ContinuationMapper(
        ITransformer transformer, ContinuationTransformerOptions options, DataViewSchema schema, ContinuationScorer scorer,
        Cancellation cancellation)
    {
        (_transformer, _options, _scorer, _cancellation) = (transformer, options, scorer, cancellation);
        _context = TextColumn.Find(schema, options.ContextColumnName);
        _continuation = schema.GetColumnOrNull(options.ContinuationColumnName)
            ?? throw TextColumn.Missing(nameof(schema), "input", options.ContinuationColumnName, schema);
        var vector = _continuation.Type as VectorDataViewType;
        if ((vector?.ItemType ?? _continuation.Type) is not TextDataViewType)
        {
            throw new ArgumentException(
                $"Schema mismatch for input column '{_continuation.Name}': expected String or a vector of it, got {_continuation.Type}.",
                nameof(schema));
        }

        ReadOnlyMemory<char>[] slots = vector is { Size: > 0 } ? OutputAnnotations.SlotNamesOf(_continuation, vector.Size) : [];
        _columns = Columns(options, vector?.Size, slots, OutputAnnotations.NextScoreColumnSetId(schema));
    }

    private bool IsVector => _continuation.Type is VectorDataViewType;

    /// <summary>Returns the columns that are added.</summary>
    /// <param name="options">Their names.</param>
    /// <param name="size">The number of choices, 0 if it varies; <see langword="null"/> for a single continuation.</param>
    /// <param name="slots">The names of the choices; empty if their number varies.</param>
    /// <param name="scoreColumnSetId">The id of this scorer's columns.</param>
    public static Column[] Columns(
        ContinuationTransformerOptions options, int? size, ReadOnlyMemory<char>[] slots, uint scoreColumnSetId = 1)
    {
        var columns = new List<Column>();
        bool isVector = size is not null;
        Add<double>(options.LogLikelihood, NumberDataViewType.Double, Score, row => row.LogLikelihoods);
        Add<long>(options.ContinuationTokenCount, NumberDataViewType.Int64, null, row => row.TokenCounts);
        Add<bool>(options.IsGreedy, BooleanDataViewType.Instance, null, row => row.AreGreedy);
        if (!isVector) return [.. columns];
        if (options.PredictedIndex is { } name)
        {
            columns.Add(new(name, NumberDataViewType.Int32, Annotations(PredictedLabel, hasSlots: false), read =>
                (ValueGetter<int>)((ref int value) => value = read().PredictedIndex)));
        }

        Add<float>(options.Probabilities, NumberDataViewType.Single, Probability, row => row.Probabilities);
        return [.. columns];

        void Add<T>(string? name, PrimitiveDataViewType type, string? valueKind, Func<ContinuationRow, T[]> select)
        {
            if (name is null) return;
            columns.Add(new(
                name, isVector ? new VectorDataViewType(type, size!.Value) : type, Annotations(valueKind, isVector),
                read => isVector ? Vector(read, select) : (ValueGetter<T>)((ref T value) => value = select(read())[0])));
        }

        DataViewSchema.Annotations Annotations(string? valueKind, bool hasSlots)
        {
            var annotations = new OutputAnnotations(scoreColumnSetId);
            if (hasSlots && slots.Length > 0) annotations.AddSlotNames(slots);
            if (valueKind is not null) annotations.AddScore(valueKind);
            return annotations.ToAnnotations();
        }
    }

    public DataViewSchema.DetachedColumn[] GetOutputColumns() =>
        [.. _columns.Select(column => new DataViewSchema.DetachedColumn(column.Name, column.Type, column.Annotations))];

    public Func<int, bool> GetDependencies(Func<int, bool> activeOutput)
    {
        bool isActive = Enumerable.Range(0, _columns.Length).Any(activeOutput);
        return index => isActive && (index == _context.Index || index == _continuation.Index);
    }

    public Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput, out Action? disposer)
    {
        disposer = null;
        Func<ContinuationRow>? read = null;
        return [.. _columns.Select((column, i) => activeOutput(i) ? column.CreateGetter(read ??= CreateReader(input)) : null!)];
    }

    public ITransformer GetTransformer() => _transformer;

    public void Save(ModelSaveContext ctx) => _transformer.Save(ctx);

    // The columns of a row share what was computed for its texts. They are read each time, because an engine's row changes while its
    // position does not.
    private Func<ContinuationRow> CreateReader(DataViewRow input)
    {
        var getContext = input.GetGetter<ReadOnlyMemory<char>>(_context);
        var getOne = IsVector ? null : input.GetGetter<ReadOnlyMemory<char>>(_continuation);
        var getAll = IsVector ? input.GetGetter<VBuffer<ReadOnlyMemory<char>>>(_continuation) : null;
        ContinuationRow? last = null;
        return () =>
        {
            _cancellation.ThrowIfRequested();
            ReadOnlyMemory<char> context = default, one = default;
            VBuffer<ReadOnlyMemory<char>> all = default;
            getContext(ref context);
            string[] continuations;
            if (getAll is null)
            {
                getOne!(ref one);
                continuations = [one.ToString()];
            }
            else
            {
                getAll(ref all);
                continuations = [.. all.DenseValues().Select(each => each.ToString())];
            }

            string text = context.ToString();
            if (last is not null && last.Context == text && last.Continuations.SequenceEqual(continuations)) return last;
            return last = ContinuationRow.Of(text, continuations, _options, _scorer, _cancellation.Token);
        };
    }

    private static ValueGetter<VBuffer<T>> Vector<T>(Func<ContinuationRow> read, Func<ContinuationRow, T[]> select) =>
        (ref VBuffer<T> value) =>
        {
            T[] elements = select(read());
            var editor = VBufferEditor.Create(ref value, elements.Length);
            elements.CopyTo(editor.Values);
            value = editor.Commit();
        };

    /// <summary>A column that is added.</summary>
    internal sealed record Column(
        string Name, DataViewType Type, DataViewSchema.Annotations Annotations, Func<Func<ContinuationRow>, Delegate> CreateGetter);
}
