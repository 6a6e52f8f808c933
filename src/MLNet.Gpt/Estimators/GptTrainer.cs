using System.Diagnostics;
using MLNet.Gpt.Configuration;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Estimators;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Tokenization;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Trains a GPT model on a column of text. <see cref="Fit(IDataView)"/> creates a model, or copies the one that the
/// options start from, trains it, and returns a transformer that owns it.
/// </summary>
/// <remarks>
/// The input column is a scalar of text; a row is a document, and documents are separated by the end-of-text token if
/// the vocabulary has one. The output columns are those of <see cref="GptOutputColumns"/>.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptTrainer : IEstimator<GptTransformer>
{
    // A padded vocabulary is meant; one that is far larger than the tokenizer's is a mistake.
    private const int MostRowsPerId = 2;

    private readonly IHostEnvironment _environment;
    private readonly GptTrainerOptions _options;
    private readonly IHost _host;

    internal GptTrainer(IHostEnvironment environment, GptTrainerOptions options)
    {
        options = WithInitialModel(options);
        int rows = options.Config.Validated().VocabularySize, ids = FittedTokenizer.Original(options.Tokenizer).VocabularySize;
        bool isNew = options is { InitialModel: null, InitialModelPath: null };
        if (isNew && rows > MostRowsPerId * (long)ids)
        {
            throw new ArgumentException(
                $"The tokenizer has {ids} ids; {nameof(options.Config)}.{nameof(options.Config.VocabularySize)} is {rows}. Most rows would "
                + $"never be used; it must be at most {MostRowsPerId * (long)ids}.",
                nameof(options));
        }

        options = options with { Tokenizer = FittedTokenizer.Of(options.Tokenizer, rows) };
        options.Transformer.Columns.ValidatedFor(options.Config);
        options.Training.Validated();
        _environment = environment;
        long seed = environment.TrainingSeed(options.Seed, options.Training);
        _options = options with { Training = options.Training with { Seed = seed } };
        _host = environment.RegisterQuietly(nameof(GptTrainer));
    }

    /// <summary>The losses measured during the last <c>Fit</c>; <see langword="null"/> before the first.</summary>
    public TrainingHistory? History { get; private set; }

    /// <summary>
    /// Trains on a column of text: on all of it, unless <see cref="TrainingOptions.ValidationFraction"/> holds out a
    /// fraction of its tokens, at their end, for validation.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The column is missing or not text, its rows have fewer than two tokens in total, or the best weights are
    /// requested and there are no validation data.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The options' token or the <see cref="MLContext"/>'s execution was canceled.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The <see cref="MLContext"/> requires a GPU and does not allow falling back to the CPU.
    /// </exception>
    public GptTransformer Fit(IDataView input) => Fit(input, validation: null, _options.CancellationToken);

    /// <summary>Trains on one set of rows and measures on another.</summary>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public GptTransformer Fit(IDataView input, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return Fit(input, validation, _options.CancellationToken);
    }

    /// <summary>Trains on the thread pool, like <see cref="Fit(IDataView, IDataView)"/>.</summary>
    /// <param name="input">The rows to train on.</param>
    /// <param name="validation">
    /// The validation rows; if <see langword="null"/>, those that <see cref="TrainingOptions.ValidationFraction"/>
    /// holds out.
    /// </param>
    /// <param name="cancellationToken">Stops training before its next step, like the options' token.</param>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public async Task<GptTransformer> FitAsync(IDataView input, IDataView? validation = null, CancellationToken cancellationToken = default)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _options.CancellationToken);
        return await Task.Run(() => Fit(input, validation, both.Token), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => GptSchemaShape.AddOutputs(
        inputSchema, _options.Transformer.InputColumnName, OutputColumnFactory.Create(_options.Transformer.Columns, _options.Config));

    /// <summary>Returns the input column, the model's size and the number of epochs.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"GptTrainer: '{_options.Transformer.InputColumnName}'; {_options.Config.ParameterCount:N0} parameters, ")
        + Quantity.Of(_options.Training.Epochs, "epoch");

    /// <summary>Trains on data that are read with the trainer's options.</summary>
    internal GptTransformer Fit(Func<GptTrainerOptions, Cancellation, TrainingData> read, CancellationToken cancellationToken)
    {
        var cancellation = new Cancellation(_host, cancellationToken);
        return Train(read(_options, cancellation), cancellation);
    }

    private GptTransformer Fit(IDataView input, IDataView? validation, CancellationToken cancellationToken)
    {
        var cancellation = new Cancellation(_host, cancellationToken);
        if (validation is null) return Train(Read(input, _options.Training), cancellation);
        var training = _options.Training with { ValidationFraction = 0 };
        var learned = Read(input, training);
        var measured = Read(validation, training with { Stride = null });
        return Train(new(learned.Training, measured.Training), cancellation);

        TrainingData Read(IDataView data, TrainingOptions options) => TrainingData.FromTokens(
            TextColumn.ReadTokens(data, _options, cancellation), _options.Config.ContextLength, _options.Config.VocabularySize, options);
    }

    private GptTransformer Train(TrainingData data, Cancellation cancellation)
    {
        _environment.RequireCpu(nameof(GptTrainer));
        using var channel = _environment.Start(nameof(GptTrainer));
        using var file = _options.InitialModelPath is { } path ? OpenInitialModel(path, cancellation.Token) : null;
        if (SizeWarning() is { } warning) channel.Warning(warning);
        IWeightSource initial = (IWeightSource?)_options.InitialModel ?? (IWeightSource?)file
            ?? WeightInitializer.Create(_options.Config, _options.Training.Seed, _options.Initialization);
        channel.Info(FormattableString.Invariant(
            $"Training {_options.Config.ParameterCount} parameters on {Quantity.Of(data.TargetCount, "token")} per epoch, ")
            + FormattableString.Invariant($"for {Quantity.Of(_options.Training.Epochs, "epoch")} at most; seed {_options.Training.Seed}."));
        var progress = new LoggedProgress(channel, _options.Progress, cancellation);
        var trained = initial.Train(data, _options.Training, progress, cancellation.Token);
        History = trained.History;
        progress.End(History);
        var model = GptModel.FromWeights(trained.Weights, _options.Tokenizer, _options.Model ?? _options.InitialModel?.Options);
        return GptTransformer.Owning(_environment, model, _options.Transformer);
    }

    // A new model whose size differs from its tokenizer's may be meant, as with a padded vocabulary, or a mistake.
    private string? SizeWarning()
    {
        int ids = FittedTokenizer.Original(_options.Tokenizer).VocabularySize, rows = _options.Config.VocabularySize;
        if (ids == rows || _options.InitialModel is not null || _options.InitialModelPath is not null) return null;
        return $"The tokenizer has {ids} ids; {nameof(_options.Config)}.{nameof(_options.Config.VocabularySize)} is {rows}. "
            + (ids < rows
                ? "No text contains the others, which the model learns never to predict."
                : "A text that contains one of the others is an error.");
    }

    // The file of the initial model may have been replaced since the trainer was created.
    private GptModelFile OpenInitialModel(string path, CancellationToken cancellationToken)
    {
        var file = GptModelFile.Open(path, cancellationToken: cancellationToken);
        if (file.Config == _options.Config) return file;
        var config = file.Config;
        file.Dispose();
        throw new InvalidOperationException(
            $"'{path}' has another model than when the trainer was created: {config} instead of {_options.Config}.");
    }

    private static GptTrainerOptions WithInitialModel(GptTrainerOptions options)
    {
        if (options.InitialModelPath is not { } path)
        {
            return options.InitialModel is { } model ? options with { Config = model.Config, Tokenizer = model.Tokenizer } : options;
        }

        if (options.InitialModel is not null)
        {
            throw new ArgumentException(
                $"{nameof(options.InitialModel)} and {nameof(options.InitialModelPath)} are both set; training can only start from one.",
                nameof(options));
        }

        using var file = GptModelFile.Open(path);
        return options with { Config = file.Config, Tokenizer = GptModel.FittedTokenizerOf(file) };
    }
}
