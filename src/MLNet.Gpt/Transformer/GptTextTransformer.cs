using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Transformer;

[assembly: LoadableClass(
    typeof(GptTextTransformer), typeof(GptTextTransformerPersistence), null, typeof(SignatureLoadModel),
    "GPT text classifier", GptTextTransformerPersistence.LoaderSignature)]

namespace MLNet.Gpt;

/// <summary>
/// An ML.NET transformer that adds the class that a <see cref="GptClassifier"/> predicts for a text or a pair of texts,
/// with the probability of each class, or the number that it predicts. Lazy and thread-safe; it runs on the managed
/// engine.
/// </summary>
/// <remarks>
/// | Column | Type | Value |
/// | -- | -- | -- |
/// | <c>PredictedLabel</c> | key, with the values of the label column; only of a classifier | the most probable class |
/// | <c>Score</c> | vector of Single, its slots named by the labels; for regression, Single | the probabilities, or the number |
/// <para>
/// A cursor computes several rows in one forward pass, as that of a <see cref="GptTransformer"/> does, with the same
/// bits as alone.
/// </para>
/// <para>
/// It owns its classifier if it was trained or loaded; <see cref="Dispose"/> then frees the weights. Disposing a
/// <c>PredictionEngine</c> disposes its transformer unless it was created with
/// <c>PredictionEngineOptions.OwnsTransformer = false</c>. An empty text is read as the token that ends a text; if the
/// vocabulary has none, its key is missing and its scores are NaN.
/// </para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTextTransformer : ITransformer, IDisposable
{
    private readonly Cancellation _cancellation;
    private readonly ModelOwner? _owner;
    private readonly RowScorer _scorer;
    private int _isDisposed;

    internal GptTextTransformer(
        IHostEnvironment environment, GptClassifier classifier, TextColumns columns, LabelKeys? keys, ModelOwner? owner)
    {
        MicrosoftMLVersion.Check();
        environment.RequireCpu(nameof(GptTextTransformer));
        (Environment, Classifier, Columns, Keys, _owner) = (environment, classifier, columns, keys, owner);
        _cancellation = new(environment.RegisterQuietly(nameof(GptTextTransformer)));
        _scorer = new(classifier.Model, new(), classifier);
        Outputs = ClassifierColumns.Create(
            columns, classifier.IsRegression ? null : classifier.Labels, keys, state => classifier.PredictionOf(state));
        owner?.Add();
    }

    /// <summary>The classifier that does the work.</summary>
    public GptClassifier Classifier { get; }

    /// <summary>Whether <see cref="Dispose"/> frees the weights of <see cref="Classifier"/>.</summary>
    public bool OwnsClassifier => _owner is not null;

    /// <summary>Always <see langword="true"/>: each row is computed independently.</summary>
    public bool IsRowToRowMapper => true;

    internal IHostEnvironment Environment { get; }

    internal TextColumns Columns { get; }

    internal LabelKeys? Keys { get; }

    internal IReadOnlyList<OutputColumn> Outputs { get; }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>Returns a lazy view of the data with the columns added. Nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => Transform(input, CancellationToken.None);

    /// <summary>Returns a lazy view whose cursors can be canceled.</summary>
    /// <param name="input">The rows to read.</param>
    /// <param name="cancellationToken">
    /// Cancels every cursor over the view, even in the middle of a row; it then throws <see cref="OperationCanceledException"/>.
    /// </param>
    public IDataView Transform(IDataView input, CancellationToken cancellationToken) =>
        new GptDataView(input, Bind(input.Schema, cancellationToken));

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    /// <summary>
    /// Frees the weights if the transformer owns them and no other one of a loaded pipeline shares them; otherwise does nothing.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) _owner?.Release();
    }

    /// <summary>Returns the input columns and the classifier.</summary>
    public override string ToString() =>
        $"GptTextTransformer: '{Columns.Sentence1}'{(Columns.Sentence2 is { } second ? $" and '{second}'" : "")}; {Classifier}";

    void ICanSaveModel.Save(ModelSaveContext ctx) => GptTextTransformerPersistence.Save(this, ctx);

    private GptRowMapper Bind(DataViewSchema inputSchema, CancellationToken cancellationToken = default) =>
        new(inputSchema, Columns.Sentence1, Outputs, _scorer, _cancellation.With(cancellationToken), this, Columns.Sentence2);
}
