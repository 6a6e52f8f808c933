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
/// An ML.NET transformer that adds the class that a <see cref="GptClassifier"/> predicts for a text or a pair of texts, with the
/// probability of each class, or the number that it predicts. Lazy and thread-safe; it runs on the managed engine.
/// </summary>
/// <remarks>
/// | Column | Type | Value |
/// | -- | -- | -- |
/// | <c>PredictedLabel</c> | key, with the values of the label column; only of a classifier | the most probable class |
/// | <c>Score</c> | vector of Single, its slots named by the labels; for regression, Single | the probabilities, or the number |
/// <para>
/// It owns its classifier; <see cref="Dispose"/> frees the weights. Disposing a <c>PredictionEngine</c> disposes its transformer unless it
/// was created with <c>PredictionEngineOptions.OwnsTransformer = false</c>. An empty text is read as the token that ends a text; if the
/// vocabulary has none, its key is missing and its scores are NaN.
/// </para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTextTransformer : ITransformer, IDisposable
{
    private readonly Cancellation _cancellation;
    private readonly ModelOwner _owner;
    private int _isDisposed;

    internal GptTextTransformer(
        IHostEnvironment environment, GptClassifier classifier, TextColumns columns, LabelKeys? keys, ModelOwner owner)
    {
        MicrosoftMLVersion.Check();
        environment.RequireCpu(nameof(GptTextTransformer));
        (Environment, Classifier, Columns, Keys, _owner) = (environment, classifier, columns, keys, owner);
        _cancellation = new(environment.RegisterQuietly(nameof(GptTextTransformer)));
        owner.Add();
    }

    /// <summary>The classifier that does the work. The transformer owns it.</summary>
    public GptClassifier Classifier { get; }

    /// <summary>Always <see langword="true"/>: each row is computed independently.</summary>
    public bool IsRowToRowMapper => true;

    internal IHostEnvironment Environment { get; }

    internal TextColumns Columns { get; }

    internal LabelKeys? Keys { get; }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => GetRowToRowMapper(inputSchema).OutputSchema;

    /// <summary>Returns a lazy view of the data with the columns added. Nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => Bind(input, CancellationToken.None);

    /// <summary>Returns a lazy view whose cursors can be canceled.</summary>
    /// <param name="input">The rows to read.</param>
    /// <param name="cancellationToken">
    /// Cancels every cursor over the view, even in the middle of a row. Where ML.NET reads rows on several threads, it wraps the
    /// <see cref="OperationCanceledException"/> in another exception.
    /// </param>
    public IDataView Transform(IDataView input, CancellationToken cancellationToken) => Bind(input, cancellationToken);

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) =>
        Bind(new EmptyDataView(Environment, inputSchema), CancellationToken.None);

    /// <summary>Frees the weights, unless another transformer of a loaded pipeline shares them.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) _owner.Release();
    }

    /// <summary>Returns the input columns and the classifier.</summary>
    public override string ToString() =>
        $"GptTextTransformer: '{Columns.Sentence1}'{(Columns.Sentence2 is { } second ? $" and '{second}'" : "")}; {Classifier}";

    void ICanSaveModel.Save(ModelSaveContext ctx) => GptTextTransformerPersistence.Save(this, ctx);

    private RowToRowMapperTransform Bind(IDataView input, CancellationToken cancellationToken)
    {
        var cancellation = _cancellation.With(cancellationToken);
        return new(Environment, input, MapperOf(input.Schema), MapperOf);

        IRowMapper MapperOf(DataViewSchema schema) => new TextMapper(this, schema, cancellation);
    }
}
