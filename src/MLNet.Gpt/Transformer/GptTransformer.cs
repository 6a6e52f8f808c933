using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Transformer;

namespace MLNet.Gpt;

/// <summary>
/// An ML.NET transformer that adds what a GPT model computes from a text column: the next token, the text's loss, its
/// continuation. Lazy, streaming and thread-safe; it runs on the managed engine and loads no native
/// library.
/// </summary>
/// <remarks>
/// <para>The input column is a scalar of text; the output columns are those of <see cref="GptOutputColumns"/>.</para>
/// <para>
/// A cursor computes several rows in one pass of the model: it reads up to 64 rows ahead, twice as many each time as long
/// as their values are read, and reads its input once. Nothing is padded, and a row's values are the same to the last bit
/// whatever rows surround it. A prediction engine computes row by row. Either computes only what is read: a class with
/// the embedding alone costs no loss and no next token.
/// </para>
/// <para>
/// ML.NET cannot convert a transformer to ONNX, and says so; <c>transformer.Model.Export("model.onnx")</c> exports its
/// model.
/// </para>
/// <para>
/// A transformer that trained or loaded its model owns it (<see cref="OwnsModel"/>), and <see cref="Dispose"/> frees the
/// weights. One over a model of the caller's does not own it, and its <see cref="Dispose"/> does nothing. Transformers
/// that share a model in a saved pipeline own it together: the last to be disposed frees it. Disposing a
/// <c>TransformerChain</c> disposes its transformers, and disposing a <c>PredictionEngine</c> disposes its transformer
/// unless it was created with <c>PredictionEngineOptions.OwnsTransformer = false</c>. A model that nobody disposes is
/// freed by the garbage collector.
/// </para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTransformer : ITransformer, IDisposable
{
    private int _isDisposed;

    /// <summary>Creates a transformer over a model of the caller's.</summary>
    /// <param name="model">The model. The caller disposes it; it may serve others at the same time.</param>
    /// <param name="options">What is read, computed and added; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public GptTransformer(GptModel model, GptTransformerOptions? options = null)
        : this(environment: null, model, options)
    {
    }

    /// <summary>Creates a transformer as a component of a context, which decides the seed and may cancel the work.</summary>
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

    /// <summary>Whether <see cref="Dispose"/> disposes <see cref="Model"/>, when no other transformer owns it any longer.</summary>
    public bool OwnsModel => Owner is not null;

    /// <summary>
    /// What is read, computed and added. Where tokens are drawn and no seed was given, one was chosen when the transformer
    /// was created: that of the <see cref="MLContext"/>, or a new one. So a text has one continuation, however often it is
    /// read.
    /// </summary>
    public GptTransformerOptions Options { get; }

    /// <summary>Always <see langword="true"/>: each row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    internal ModelOwner? Owner { get; }

    internal IReadOnlyList<OutputColumn> Outputs { get; }

    internal RowScorer Scorer { get; }

    internal Cancellation Cancellation { get; }

    /// <summary>Loads a package that <see cref="Save"/> wrote. The transformer owns its model.</summary>
    /// <param name="path">The package, or a folder that it was unpacked to.</param>
    /// <param name="modelOptions">
    /// How the model is held and run; if <see langword="null"/>, at the precision that it was saved with, and on this
    /// machine's processors.
    /// </param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the loading and frees its memory.</param>
    /// <exception cref="InvalidDataException">
    /// The package is damaged, of a newer format, or contradicts itself; the message names the entry and the field.
    /// </exception>
    /// <exception cref="IOException">It does not exist or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The loading was stopped.</exception>
    public static GptTransformer Load(
        string path,
        GptModelOptions? modelOptions = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        GptPackage.Load(environment: null, path, options: null, modelOptions, progress, cancellationToken);

    /// <summary>
    /// Saves the transformer as a package of its own: a zip of <c>metadata.json</c> (format version, options, checksum),
    /// <c>config.json</c>, <c>tokenizer.json</c> and <c>model.safetensors</c>, which <c>ml.Model.Load</c> reads as well.
    /// It is written aside, flushed to the disk and moved into place: after a crash either the old file or the new one is
    /// there. Weights are streamed.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="cancellationToken">Stops the saving and leaves the old file.</param>
    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public void Save(string path, CancellationToken cancellationToken = default) => GptPackage.Save(this, path, cancellationToken);

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>Returns a lazy view of the data with the output columns added. Nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => Transform(input, CancellationToken.None);

    /// <summary>Returns a lazy view whose cursors can be stopped.</summary>
    /// <param name="input">The rows to read.</param>
    /// <param name="cancellationToken">
    /// Stops every cursor over the view, within a row too; it then throws <see cref="OperationCanceledException"/>.
    /// </param>
    public IDataView Transform(IDataView input, CancellationToken cancellationToken) =>
        new GptDataView(input, Bind(input.Schema, cancellationToken));

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    /// <summary>
    /// Frees the weights where this transformer owns them and no other one does; does nothing else. Views and prediction
    /// engines over it must not be in use: reading a computed column of theirs then throws
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) Owner?.Release();
    }

    /// <summary>The input column, the number of output columns, and the model.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"GptTransformer: '{Options.InputColumnName}' to {Outputs.Count} columns; ")
        + FormattableString.Invariant($"{Model.Config.ParameterCount:N0} parameters, {Model.Options.Precision}");

    /// <summary>Creates a transformer that owns its model. Where that fails, the model is disposed.</summary>
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
