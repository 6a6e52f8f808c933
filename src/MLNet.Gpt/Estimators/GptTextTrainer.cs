using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Estimators;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Transformer;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Fine-tunes a GPT model to predict the class of a text or of a pair of texts, or a number. <see cref="Fit(IDataView)"/> copies the model
/// that the options start from, replaces its output head, trains it, and returns a transformer that owns it.
/// </summary>
/// <remarks>
/// The label column contains keys for classification and numbers for regression; rows without a label are not used. The columns of text
/// are scalars. See <see cref="GptTextTransformer"/> for the columns that are added. Texts of different lengths are packed, not padded, and
/// each has the same result as alone.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTextTrainer : IEstimator<GptTextTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly GptTextTrainerOptions _options;
    private readonly TextColumns _columns;
    private readonly bool _isRegression;
    private readonly IHost _host;

    internal GptTextTrainer(IHostEnvironment environment, GptTextTrainerOptions options, bool isRegression)
    {
        MicrosoftMLVersion.Check();
        ArgumentNullException.ThrowIfNull(options);
        if ((options.InitialModel is null) == (options.InitialModelPath is null))
        {
            throw new ArgumentException(
                $"{nameof(options.InitialModel)} and {nameof(options.InitialModelPath)} are "
                + (options.InitialModel is null ? "not set; training starts from a model." : "both set; training can only start from one."),
                nameof(options));
        }

        options.Classifier.Training.Validated();
        var training = options.Classifier.Training;
        long seed = environment.TrainingSeed(options.Seed, training);
        _options = options with { Classifier = options.Classifier with { Training = training with { Seed = seed } } };
        _columns = new(options.Sentence1ColumnName, options.Sentence2ColumnName, options.ScoreColumnName, options.OutputColumnName);
        (_environment, _isRegression) = (environment, isRegression);
        _host = environment.RegisterQuietly(nameof(GptTextTrainer));
    }

    /// <summary>The losses measured during the last <c>Fit</c>; <see langword="null"/> before the first.</summary>
    public TrainingHistory? History { get; private set; }

    /// <summary>
    /// Trains on all rows, except those that <see cref="TrainingOptions.ValidationFraction"/> holds out if there is no validation set.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A column is missing or of another type, no row has a label, or the options do not fit the model.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The options' token or the <see cref="MLContext"/>'s execution was canceled.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The <see cref="MLContext"/> requires a GPU and does not allow falling back to the CPU.
    /// </exception>
    public GptTextTransformer Fit(IDataView input) => Fit(input, _options.ValidationSet, _options.CancellationToken);

    /// <summary>Trains on one set of rows and measures on another.</summary>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public GptTextTransformer Fit(IDataView input, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return Fit(input, validation, _options.CancellationToken);
    }

    /// <summary>Trains on the thread pool.</summary>
    /// <param name="input">The rows to train on.</param>
    /// <param name="validation">The validation rows; those of the options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Stops training before its next step, like the options' token.</param>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public async Task<GptTextTransformer> FitAsync(
        IDataView input, IDataView? validation = null, CancellationToken cancellationToken = default)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _options.CancellationToken);
        return await Task.Run(() => Fit(input, validation ?? _options.ValidationSet, both.Token), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        var label = GptSchemaShape.Find(inputSchema, _options.LabelColumnName);
        bool fits = label.Kind == SchemaShape.Column.VectorKind.Scalar
            && (_isRegression ? !label.IsKey && label.ItemType == NumberDataViewType.Single : label.IsKey);
        if (!fits) throw WrongLabel($"{label.Kind} of {label.ItemType}", nameof(inputSchema));

        // Of a shape, only whether there are names and values matters.
        var keys = label.Annotations.TryFindColumn(LabelKeys.Kind, out _) ? LabelKeys.OfTexts(["", ""]) : null;
        var outputs = ClassifierColumns.Create(_columns, _isRegression ? null : ["", ""], keys, _ => throw new InvalidOperationException());
        return GptSchemaShape.AddOutputs(inputSchema, _columns, outputs);
    }

    /// <summary>Returns the columns and the number of epochs.</summary>
    public override string ToString() =>
        $"GptTextTrainer: '{_options.LabelColumnName}' of '{_columns.Sentence1}'"
        + $"{(_columns.Sentence2 is { } second ? $" and '{second}'" : "")}; {Quantity.Of(_options.Classifier.Training.Epochs, "epoch")}";

    private GptTextTransformer Fit(IDataView input, IDataView? validation, CancellationToken cancellationToken)
    {
        _environment.RequireCpu(nameof(GptTextTrainer));
        var cancellation = new Cancellation(_host, cancellationToken);
        using var channel = _environment.Start(nameof(GptTextTrainer));
        var label = LabelOf(input.Schema);
        var keys = _isRegression ? null : LabelKeys.Of(label);
        string[]? names = _isRegression ? null : NamesOf(label, keys);
        var rows = Read(input, label, names, channel, cancellation);
        var measured = validation is null ? null : Read(validation, LabelOf(validation.Schema), names, channel, cancellation);

        using var file = _options.InitialModelPath is { } path ? GptModelFile.Open(path, cancellationToken: cancellation.Token) : null;
        IWeightSource initial = (IWeightSource?)_options.InitialModel ?? file!;
        var tokenizer = _options.InitialModel?.Tokenizer ?? GptModel.FittedTokenizerOf(file!);
        var options = _options.Classifier with
        {
            Labels = names,
            Model = _options.Classifier.Model ?? _options.InitialModel?.Options,
        };
        channel.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"Training {options.TrainedPart} on {Quantity.Of(rows.Count, "row")}, for {Quantity.Of(options.Training.Epochs, "epoch")} "
            + $"at most; seed {options.Training.Seed}."));
        var progress = new LoggedProgress(channel, _options.Progress, cancellation);
        var classifier = GptClassifier.Train(initial, tokenizer, rows, options, measured, progress, cancellation.Token);
        History = classifier.History!;
        progress.End(History);
        try
        {
            return new(_environment, classifier, _columns, keys, new ModelOwner(classifier.Model));
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }

    private DataViewSchema.Column LabelOf(DataViewSchema schema)
    {
        string name = _options.LabelColumnName;
        var label = schema.GetColumnOrNull(name) ?? throw TextColumn.Missing(nameof(schema), "label", name, schema);
        bool fits = _isRegression ? label.Type == NumberDataViewType.Single : label.Type is KeyDataViewType { Count: > 0 };
        return fits ? label : throw WrongLabel(label.Type.ToString()!, nameof(schema));
    }

    private ArgumentException WrongLabel(string found, string parameter) => new(
        $"Schema mismatch for label column '{_options.LabelColumnName}': expected "
        + (_isRegression ? "Single" : "a key, such as MapValueToKey creates") + $", got {found}.",
        parameter);

    // The values of the keys as texts or, if there are none or two are spelled alike, the keys' numbers, from 1.
    private static string[] NamesOf(DataViewSchema.Column label, LabelKeys? keys)
    {
        int count = (int)((KeyDataViewType)label.Type).Count;
        string[] names = keys is null ? [] : [.. keys.Texts];
        return names.Length == count && names.Distinct(StringComparer.Ordinal).Count() == count
            ? names
            : [.. Enumerable.Range(1, count).Select(key => key.ToString(CultureInfo.InvariantCulture))];
    }

    private List<LabeledText> Read(
        IDataView data, DataViewSchema.Column label, string[]? names, IChannel channel, Cancellation cancellation)
    {
        var first = TextColumn.Find(data.Schema, _columns.Sentence1);
        DataViewSchema.Column? second = _columns.Sentence2 is { } name ? TextColumn.Find(data.Schema, name) : null;
        var rows = new List<LabeledText>();
        long skipped = 0;
        using var cursor = data.GetRowCursor(second is { } other ? [label, first, other] : [label, first]);
        var getLabel = RowCursorUtils.GetLabelGetter(cursor, label.Index);
        var getFirst = cursor.GetGetter<ReadOnlyMemory<char>>(first);
        var getSecond = second is { } column ? cursor.GetGetter<ReadOnlyMemory<char>>(column) : null;
        ReadOnlyMemory<char> text = default, secondText = default;
        float value = 0;
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfRequested();
            getLabel(ref value);
            if (!float.IsFinite(value))
            {
                skipped++;
                continue;
            }

            getFirst(ref text);
            getSecond?.Invoke(ref secondText);
            string? pair = getSecond is null ? null : secondText.ToString();
            rows.Add(names is null ? new(text.ToString(), value, pair) : new(text.ToString(), names[(int)value], pair));
        }

        if (skipped > 0) channel.Warning($"{Quantity.Of(skipped, "row")} without a label {(skipped == 1 ? "is" : "are")} not used.");
        return rows.Count > 0
            ? rows
            : throw new ArgumentException($"There is nothing to train on: no row has a label in '{label.Name}'.", nameof(data));
    }
}
