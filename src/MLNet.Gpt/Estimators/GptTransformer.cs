using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Persistence;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt;

/// <summary>
/// An ML.NET transformer that adds a GPT model's view of a text column: the next token, the text's loss, its continuation.
/// Lazy, streaming and safe for use by many threads; it runs on the managed engine and loads no native library.
/// </summary>
/// <remarks>
/// <para>The input column is a scalar of text; the output columns are those of <see cref="GptOutputColumns"/>.</para>
/// <para>
/// A cursor computes several rows in one pass of the model: it reads up to 64 rows ahead, twice as many each time as long as
/// their values are read, and goes through its input once. No padding is computed, and a row's values are the same to the last
/// bit whatever stands beside it. A prediction engine computes row by row. Either computes only what is read: a class with the
/// embedding alone costs no loss and no next token.
/// </para>
/// <para>
/// ML.NET cannot convert a transformer to ONNX, and says so; <c>transformer.Model.Export("model.onnx")</c> exports its model.
/// </para>
/// <para>
/// A transformer is not disposable, so that disposing a prediction engine, which disposes its transformer, does not take the
/// model from others that use it. The model owns the weights' memory, and is disposed of by the code that made it, when no
/// pipeline, view or engine over it is in use any longer; reading a computed column then throws
/// <see cref="ObjectDisposedException"/>. A model that is not disposed of is freed by the garbage collector when nothing refers
/// to it. The model of a transformer that was trained or loaded is <see cref="Model"/>.
/// </para>
/// </remarks>
public sealed class GptTransformer : ITransformer
{
    /// <summary>A transformer over a model.</summary>
    /// <param name="model">The model that does the work; it may serve others at the same time.</param>
    /// <param name="options">What is read, computed and added; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public GptTransformer(GptModel model, GptTransformerOptions? options = null)
        : this(environment: null, model, options)
    {
    }

    /// <summary>The same as a component of an <see cref="MLContext"/>, which decides the seed and may cancel the work.</summary>
    internal GptTransformer(IHostEnvironment? environment, GptModel model, GptTransformerOptions? options)
    {
        ArgumentNullException.ThrowIfNull(model);
        environment?.RequireCpu(nameof(GptTransformer));
        Cancellation = new(environment?.RegisterQuietly(nameof(GptTransformer)));
        Model = model;
        Options = (options ?? new()).WithFixedSeed(environment?.Seed());
        Outputs = OutputColumnFactory.Create(Options.Columns.ValidatedFor(model.Config), model.Config);
        Scorer = new(model, Options);
    }

    /// <summary>The model that does the work.</summary>
    public GptModel Model { get; }

    /// <summary>
    /// What is read, computed and added. Where tokens are drawn and no seed was given, one was chosen when the transformer was
    /// made: that of the <see cref="MLContext"/>, or a new one. So a text has one continuation, however often it is read.
    /// </summary>
    public GptTransformerOptions Options { get; }

    /// <summary>Always <see langword="true"/>: each row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    internal IReadOnlyList<OutputColumn> Outputs { get; }

    internal RowScorer Scorer { get; }

    internal Cancellation Cancellation { get; }

    /// <summary>Loads what <see cref="Save"/> wrote.</summary>
    /// <param name="path">The package, or a folder that it was unpacked to.</param>
    /// <param name="modelOptions">
    /// How the model is held and run; where <see langword="null"/>, at the precision that it was saved with, and on this
    /// machine's processors.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The package is damaged, of a newer format, or contradicts itself; the message names the entry and the field.
    /// </exception>
    /// <exception cref="IOException">It is not there or cannot be read.</exception>
    public static GptTransformer Load(string path, GptModelOptions? modelOptions = null) => GptPackage.Load(environment: null, path, options: null, modelOptions);

    /// <summary>
    /// Saves the transformer as a package of its own: a zip of <c>metadata.json</c> (format version, options,
    /// checksum), <c>config.json</c>, <c>tokenizer.json</c> and <c>model.safetensors</c>, which <c>ml.Model.Load</c>
    /// reads as well. It is written aside, flushed to the disk and moved into place: after a crash the old file is
    /// there or the new one. Weights are streamed.
    /// </summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="cancellationToken">Stops the saving and leaves the old file.</param>
    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public void Save(string path, CancellationToken cancellationToken = default) => GptPackage.Save(this, path, cancellationToken);

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new GptRowMapper(inputSchema, this).OutputSchema;

    /// <summary>A lazy view of the data with the output columns added; nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => Transform(input, CancellationToken.None);

    /// <summary>The same for readers who may be stopped.</summary>
    /// <param name="input">The rows to read.</param>
    /// <param name="cancellationToken">
    /// Stops every cursor over the view, within a row too; it then throws <see cref="OperationCanceledException"/>.
    /// </param>
    public IDataView Transform(IDataView input, CancellationToken cancellationToken) =>
        new GptDataView(input, new GptRowMapper(input.Schema, this, cancellationToken));

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new GptRowMapper(inputSchema, this);

    void ICanSaveModel.Save(ModelSaveContext ctx) => GptTransformerPersistence.Save(this, ctx);
}
