using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>
/// An ML.NET transformer that adds a GPT model's view of a text column: the next token, the text's loss, its continuation.
/// Lazy, streaming and safe for use by many threads; it runs on the managed engine and loads no native library.
/// </summary>
/// <remarks>
/// The input column is a scalar of text; the output columns are those of <see cref="GptOutputColumns"/>.
/// A transformer is not disposable, so that disposing a prediction engine, which disposes its transformer, does not take
/// the model from others who use it. The model's memory is freed when nothing refers to it any longer, or by
/// <see cref="GptModel.Dispose"/>.
/// </remarks>
public sealed class GptTransformer : ITransformer
{
    private readonly RowScorer _scorer;
    private readonly OutputColumn[] _columns;

    /// <summary>A transformer over a model.</summary>
    /// <param name="model">The model that does the work; it may serve others at the same time.</param>
    /// <param name="options">What is read, computed and added; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public GptTransformer(GptModel model, GptTransformerOptions? options = null)
    {
        Model = model;
        Options = options ?? new();
        _columns = OutputColumnFactory.Create(Options.Columns.ValidatedFor(model.Config), model.Config);
        _scorer = new(model, Options);
    }

    /// <summary>The model that does the work.</summary>
    public GptModel Model { get; }

    /// <summary>What is read, computed and added.</summary>
    public GptTransformerOptions Options { get; }

    /// <summary>Always <see langword="true"/>: each row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new GptRowMapper(inputSchema, this).OutputSchema;

    /// <summary>A lazy view of the data with the output columns added; nothing is computed until a column is read.</summary>
    public IDataView Transform(IDataView input) => new GptDataView(input, new GptRowMapper(input.Schema, this));

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new GptRowMapper(inputSchema, this);

    void ICanSaveModel.Save(ModelSaveContext ctx) => GptTransformerPersistence.Save(this, ctx);

    internal IReadOnlyList<OutputColumn> Columns => _columns;

    internal RowScorer Scorer => _scorer;
}
