using System.Diagnostics;
using MLNet.Gpt.Configuration;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Transformer;

namespace MLNet.Gpt;

/// <summary>
/// An ML.NET transformer that adds columns computed by a GPT model from a text column: the next token, the text's loss,
/// its continuation. Lazy, streaming and thread-safe; it runs on the managed engine and loads no native library.
/// </summary>
/// <remarks>
/// <para>The input column is a scalar of text; the output columns are those of <see cref="GptOutputColumns"/>.</para>
/// <para>
/// A cursor computes several rows in one forward pass: it reads up to 64 rows ahead, twice as many each time as long as
/// their values are read, and reads its input once. Nothing is padded, and a row's values are the same to the last bit
/// whatever rows surround it. A prediction engine computes row by row. Both compute only what is read: a class that has
/// only the embedding does not pay for the loss and the next token.
/// </para>
/// <para>
/// ML.NET cannot convert the transformer to ONNX; <c>transformer.Model.Export("model.onnx")</c> exports its model.
/// </para>
/// <para>
/// A transformer that trained or loaded its model owns it (<see cref="OwnsModel"/>), and <see cref="Dispose"/> frees
/// the weights. A transformer over the caller's model does not own it, and its <see cref="Dispose"/> does nothing.
/// Transformers that share a model in a saved pipeline own it jointly: the last one to be disposed frees it. Disposing
/// a <c>TransformerChain</c> disposes its transformers, and disposing a <c>PredictionEngine</c> disposes its
/// transformer unless it was created with <c>PredictionEngineOptions.OwnsTransformer = false</c>. A model that is never
/// disposed is freed by the garbage collector.
/// </para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTransformer : ITransformer, IDisposable
{
    private int _isDisposed;

    /// <summary>Creates a transformer over the caller's model.</summary>
    /// <param name="model">The model. The caller disposes it; it may be used elsewhere at the same time.</param>
    /// <param name="options">What is read, computed and added; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public GptTransformer(GptModel model, GptTransformerOptions? options = null)
        : this(environment: null, model, options)
    {
    }

    /// <summary>
    /// Creates a transformer as a component of a context, which provides the seed and may cancel the work.
    /// </summary>
    internal GptTransformer(IHostEnvironment? environment, GptModel model, GptTransformerOptions? options, ModelOwner? owner = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        MicrosoftMLVersion.Check();
        environment?.RequireCpu(nameof(GptTransformer));
        Cancellation = new(environment?.RegisterQuietly(nameof(GptTransformer)));
        Model = model;
        Options = (options ?? new()).WithFixedSeed(environment?.Seed());
        Outputs = OutputColumnFactory.Create(Options.Columns.ValidatedFor(model.Config), model.Config);
        Scorer = new(model, Options);
        Owner = owner;
        owner?.Add();
    }

    /// <summary>The model that does the work.</summary>
    public GptModel Model { get; }

    /// <summary>
    /// Whether <see cref="Dispose"/> disposes <see cref="Model"/>, once no other transformer owns it.
    /// </summary>
    public bool OwnsModel => Owner is not null;

    /// <summary>
    /// What is read, computed and added. If tokens are drawn at random and no seed was given, one was chosen when the
    /// transformer was created: that of the <see cref="MLContext"/>, or a new one. So a text has the same continuation
    /// however often it is read.
    /// </summary>
    public GptTransformerOptions Options { get; }

    /// <summary>Always <see langword="true"/>: each row is computed independently.</summary>
    public bool IsRowToRowMapper => true;

    internal ModelOwner? Owner { get; }

    internal IReadOnlyList<OutputColumn> Outputs { get; }

    internal RowScorer Scorer { get; }

    internal Cancellation Cancellation { get; }

    /// <summary>Loads a package written by <see cref="Save"/>. The transformer owns its model.</summary>
    /// <param name="path">The package, or a folder that it was unpacked to.</param>
    /// <param name="modelOptions">
    /// How the model is stored and run; if <see langword="null"/>, with the precision that it was saved with, and on
    /// all of this machine's processors.
    /// </param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Cancels loading and frees its memory.</param>
    /// <exception cref="InvalidDataException">
    /// The package is damaged, of a newer format, or inconsistent; the message names the entry and the field.
    /// </exception>
    /// <exception cref="IOException">The package does not exist or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Loading was canceled.</exception>
    public static GptTransformer Load(
        string path,
        GptModelOptions? modelOptions = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        GptPackage.Load(environment: null, path, options: null, modelOptions, progress, cancellationToken);

    /// <summary>
    /// Saves the transformer as a package: a zip of <c>metadata.json</c> (format version, options, checksum),
    /// <c>config.json</c>, <c>tokenizer.json</c> and <c>model.safetensors</c>, which <c>ml.Model.Load</c> reads as
    /// well. It is written to a temporary name, flushed to disk and moved into place, so that a crash leaves either the
    /// old file or the new one. Weights are streamed.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="cancellationToken">Cancels saving and keeps the old file.</param>
    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public void Save(string path, CancellationToken cancellationToken = default) => GptPackage.Save(this, path, cancellationToken);

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>Returns a lazy view of the data with the output columns added. Nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => Transform(input, CancellationToken.None);

    /// <summary>Returns a lazy view whose cursors can be canceled.</summary>
    /// <param name="input">The rows to read.</param>
    /// <param name="cancellationToken">
    /// Cancels every cursor over the view, even in the middle of a row; it then throws
    /// <see cref="OperationCanceledException"/>.
    /// </param>
    public IDataView Transform(IDataView input, CancellationToken cancellationToken) =>
        new GptDataView(input, Bind(input.Schema, cancellationToken));

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    /// <summary>
    /// Frees the weights if only this transformer owns them; does nothing else. Views and prediction engines over it
    /// must not be in use: reading one of their computed columns then throws <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) Owner?.Release();
    }

    /// <summary>Returns the input column, the number of output columns, and the model.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"GptTransformer: '{Options.InputColumnName}' to {Quantity.Of(Outputs.Count, "column")}; ")
        + FormattableString.Invariant($"{Model.Config.ParameterCount:N0} parameters, {Model.Options.Precision}");

    /// <summary>Creates a transformer that owns its model. If that fails, the model is disposed.</summary>
    internal static GptTransformer Owning(IHostEnvironment? environment, GptModel model, GptTransformerOptions? options)
    {
        try
        {
            return new(environment, model, options, new ModelOwner(model));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => GptTransformerPersistence.Save(this, ctx);

    private GptRowMapper Bind(DataViewSchema inputSchema, CancellationToken cancellationToken = default) =>
        new(inputSchema, Options.InputColumnName, Outputs, Scorer, Cancellation.With(cancellationToken), this);
}
