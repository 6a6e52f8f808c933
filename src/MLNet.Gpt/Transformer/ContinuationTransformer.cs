using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Transformer;

[assembly: LoadableClass(
    typeof(ContinuationTransformer), typeof(ContinuationTransformerPersistence), null, typeof(SignatureLoadModel),
    "GPT continuation scorer", ContinuationTransformerPersistence.LoaderSignature)]

namespace MLNet.Gpt;

/// <summary>
/// An ML.NET transformer that adds how likely a GPT model finds a continuation, given its context, or each choice of a vector, and which
/// choice is the likeliest. Lazy and thread-safe; it runs on the managed engine.
/// </summary>
/// <remarks>
/// <see cref="ContinuationTransformerOptions"/> lists the columns. The choices of a row share the work on its context. Nothing is computed
/// until a column is read, and the columns of a row are computed together. It owns its model only if it was loaded; see
/// <see cref="GptTransformer"/>.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ContinuationTransformer : ITransformer, IDisposable
{
    private readonly IHostEnvironment _environment;
    private readonly ContinuationScorer _scorer;
    private readonly Cancellation _cancellation;
    private readonly ModelOwner? _owner;
    private int _isDisposed;

    internal ContinuationTransformer(
        IHostEnvironment environment, GptModel model, ContinuationTransformerOptions? options, ModelOwner? owner = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        MicrosoftMLVersion.Check();
        environment.RequireCpu(nameof(ContinuationTransformer));
        (_environment, Model, Options) = (environment, model, options ?? new());
        _cancellation = new(environment.RegisterQuietly(nameof(ContinuationTransformer)));
        _scorer = new(model, Options.Continuations);
        _owner = owner;
        owner?.Add();
    }

    /// <summary>The model that does the work.</summary>
    public GptModel Model { get; }

    /// <summary>What is read, computed and added.</summary>
    public ContinuationTransformerOptions Options { get; }

    /// <summary>Whether <see cref="Dispose"/> disposes <see cref="Model"/>, once no other transformer owns it.</summary>
    public bool OwnsModel => _owner is not null;

    /// <summary>Always <see langword="true"/>: each row is computed independently.</summary>
    public bool IsRowToRowMapper => true;

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
        Bind(new EmptyDataView(_environment, inputSchema), CancellationToken.None);

    /// <summary>Frees the weights if only this transformer owns them; does nothing else.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) _owner?.Release();
    }

    /// <summary>Returns the input columns and the model.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"ContinuationTransformer: '{Options.ContinuationColumnName}' after '{Options.ContextColumnName}'; {Model}");

    void ICanSaveModel.Save(ModelSaveContext ctx) => ContinuationTransformerPersistence.Save(this, ctx);

    private RowToRowMapperTransform Bind(IDataView input, CancellationToken cancellationToken)
    {
        var cancellation = _cancellation.With(cancellationToken);
        return new(_environment, input, MapperOf(input.Schema), MapperOf);

        IRowMapper MapperOf(DataViewSchema schema) => new ContinuationMapper(this, Options, schema, _scorer, cancellation);
    }
}
