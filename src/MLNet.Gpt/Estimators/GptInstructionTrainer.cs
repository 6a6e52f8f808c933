using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Estimators;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Fine-tunes a GPT model to follow instructions: rows are prompts and responses, and the loss covers the responses only.
/// <see cref="Fit(IDataView)"/> copies the model that the options start from, trains it, and returns a transformer that owns it.
/// </summary>
/// <remarks>
/// The columns are scalars of text. Rows of different lengths are packed, not padded, and each has the same result as alone. The
/// output columns are those of <see cref="GptOutputColumns"/>, for the texts of the transformer's input column.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptInstructionTrainer : IEstimator<GptTransformer>
{
    private readonly GptInstructionTrainerOptions _options;
    private readonly GptTrainer _trainer;

    internal GptInstructionTrainer(Microsoft.ML.Runtime.IHostEnvironment environment, GptInstructionTrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _trainer = new(environment, options.Trainer);
        _options = options;
    }

    /// <summary>
    /// The losses of the responses measured during the last <c>Fit</c>; <see langword="null"/> before the first.
    /// </summary>
    public TrainingHistory? History => _trainer.History;

    /// <summary>
    /// Trains on all rows, except those that <see cref="TrainingOptions.ValidationFraction"/> holds out.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A column is missing or not text, or a row cannot be learned from: its response is empty, or its prompt fills the context.
    /// The message has the index of the row.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// The options have no template, and that of the model's files is of no known family.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The options' token or the <see cref="MLContext"/>'s execution was canceled.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The <see cref="MLContext"/> requires a GPU and does not allow falling back to the CPU.
    /// </exception>
    public GptTransformer Fit(IDataView input) => Fit(input, validation: null, _options.Trainer.CancellationToken);

    /// <summary>Trains on one set of rows and measures on another.</summary>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public GptTransformer Fit(IDataView input, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return Fit(input, validation, _options.Trainer.CancellationToken);
    }

    /// <summary>Trains on the thread pool.</summary>
    /// <param name="input">The rows to train on.</param>
    /// <param name="validation">The validation rows; if <see langword="null"/>, those that are held out.</param>
    /// <param name="cancellationToken">Stops training before its next step, like the options' token.</param>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public async Task<GptTransformer> FitAsync(
        IDataView input, IDataView? validation = null, CancellationToken cancellationToken = default)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _options.Trainer.CancellationToken);
        return await Task.Run(() => Fit(input, validation, both.Token), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        GptSchemaShape.CheckText(inputSchema, _options.PromptColumnName);
        GptSchemaShape.CheckText(inputSchema, _options.ResponseColumnName);
        if (_options.InputColumnName is { } name) GptSchemaShape.CheckText(inputSchema, name);
        return _trainer.GetOutputSchema(inputSchema);
    }

    /// <summary>Returns the columns and the number of epochs.</summary>
    public override string ToString() =>
        $"GptInstructionTrainer: '{_options.ResponseColumnName}' to '{_options.PromptColumnName}'"
        + $"{(_options.InputColumnName is { } name ? $" about '{name}'" : "")}; {Quantity.Of(_options.Trainer.Training.Epochs, "epoch")}";

    private GptTransformer Fit(IDataView input, IDataView? validation, CancellationToken cancellationToken) =>
        _trainer.Fit(
            (options, cancellation) => TrainingData.FromInstructions(
                Read(input, cancellation), validation is null ? null : Read(validation, cancellation), options.Tokenizer, options.Config,
                options.Training, _options.Instructions, cancellation.Token),
            cancellationToken);

    private List<InstructionExample> Read(IDataView data, Cancellation cancellation) => InstructionColumns.Read(
        data, _options.PromptColumnName, _options.ResponseColumnName, _options.InputColumnName, cancellation);
}
