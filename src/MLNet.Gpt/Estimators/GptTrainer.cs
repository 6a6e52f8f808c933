using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Estimators;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Trains a GPT model on a column of text. <see cref="Fit(IDataView)"/> builds a model, trains it, and returns a transformer over it.
/// </summary>
/// <remarks>
/// The input column is a scalar of text; a row is a document, and documents are parted by the end-of-text token where the
/// vocabulary has one. The output columns are those of <see cref="GptOutputColumns"/>.
/// </remarks>
public sealed class GptTrainer : IEstimator<GptTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly GptTrainerOptions _options;
    private readonly Cancellation _cancellation;

    internal GptTrainer(IHostEnvironment environment, GptTrainerOptions options)
    {
        if (options.Tokenizer.VocabularySize != options.Config.Validated().VocabularySize)
        {
            throw new ArgumentException(
                $"The tokenizer has {options.Tokenizer.VocabularySize} ids; {nameof(options.Config)}.{nameof(options.Config.VocabularySize)} is {options.Config.VocabularySize}.",
                nameof(options));
        }

        options.Transformer.Columns.ValidatedFor(options.Config);
        options.Training.Validated();
        _environment = environment;
        long seed = options.Seed ?? (options.Training.IsSeedSet ? null : environment.Seed()) ?? options.Training.Seed;
        _options = options with { Training = options.Training with { Seed = seed } };
        _cancellation = new(environment.RegisterQuietly(nameof(GptTrainer)), options.CancellationToken);
    }

    /// <summary>
    /// The losses that the last <see cref="Fit(IDataView)"/> measured on its way; <see langword="null"/> before there
    /// was one.
    /// </summary>
    public TrainingHistory? History { get; private set; }

    /// <summary>
    /// Trains on a column of text: on all of it, unless <see cref="TrainingOptions.ValidationFraction"/> sets a share
    /// of its tokens, at their end, aside to measure on.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The column is missing or not text, its rows have fewer than two tokens together, or the best weights are wanted
    /// and there is nothing to measure on.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The options' token was cancelled, or the <see cref="MLContext"/>'s execution.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The <see cref="MLContext"/> asks for a GPU and forbids falling back to the CPU.
    /// </exception>
    public GptTransformer Fit(IDataView input)
    {
        int[] tokens = TextColumn.ReadTokens(input, _options, _cancellation);
        return Train(TrainingData.FromTokens(tokens, _options.Config.ContextLength, _options.Config.VocabularySize, _options.Training));
    }

    /// <summary>Trains on one set of rows and measures on another.</summary>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public GptTransformer Fit(IDataView input, IDataView validation)
    {
        var (config, training) = (_options.Config, _options.Training with { ValidationFraction = 0 });
        var learned = TrainingData.FromTokens(TextColumn.ReadTokens(input, _options, _cancellation), config.ContextLength, config.VocabularySize, training);
        var measured = TrainingData.FromTokens(TextColumn.ReadTokens(validation, _options, _cancellation), config.ContextLength, config.VocabularySize, training with { Stride = null });
        return Train(learned with { Validation = measured.Training });
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => GptSchemaShape.AddOutputs(
        inputSchema, _options.Transformer.InputColumnName, OutputColumnFactory.Create(_options.Transformer.Columns, _options.Config));

    private GptTransformer Train(TrainingData data)
    {
        _environment.RequireCpu(nameof(GptTrainer));
        using var channel = _environment.Start(nameof(GptTrainer));
        var initial = WeightInitializer.Create(_options.Config, _options.Training.Seed, _options.Initialization);
        channel.Info(FormattableString.Invariant(
            $"Training {_options.Config.ParameterCount} parameters on {data.Training.TargetCount} tokens per epoch, ")
            + FormattableString.Invariant($"for {_options.Training.Epochs} epochs at most; seed {_options.Training.Seed}."));
        var progress = new LoggedProgress(channel, _options.Progress, _cancellation);
        var (weights, history) = initial.Train(data, _options.Training, progress, _options.CancellationToken);
        channel.Info(FormattableString.Invariant($"Training ended after {history.Last.Step} steps and {history.Duration.TotalSeconds:F0} s: {history.Ending}."));
        History = history;
        return new GptTransformer(_environment, GptModel.FromWeights(weights, _options.Tokenizer, _options.Model), _options.Transformer);
    }
}
