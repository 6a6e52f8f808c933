using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Catalog;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Rows;
using MLNet.Gpt.Views;

namespace MLNet.Gpt;

/// <summary>
/// Language modeling as an ML.NET task: predicting the next token of a text, and measuring how well a model does it.
/// Accessed through <c>mlContext.LanguageModeling</c>.
/// </summary>
public sealed class LanguageModelingCatalog
{
    private readonly MLContext _mlContext;

    internal LanguageModelingCatalog(MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        MicrosoftMLVersion.Check();
        _mlContext = mlContext;
    }

    /// <summary>The trainers of language models.</summary>
    public LanguageModelingTrainers Trainers => new(_mlContext);

    /// <summary>Text files as data of documents.</summary>
    public LanguageModelingDataOperations Data { get; } = new();

    /// <summary>Puts an already trained model into a pipeline.</summary>
    /// <param name="model">The model. The caller disposes it; it may serve several pipelines.</param>
    /// <param name="inputColumnName">The column of text to read.</param>
    public GptScoringEstimator FromModel(GptModel model, string inputColumnName = "Text") =>
        FromModel(model, new GptTransformerOptions { InputColumnName = inputColumnName });

    /// <summary>Puts an already trained model into a pipeline, with options.</summary>
    /// <param name="model">The model. The caller disposes it; it may serve several pipelines.</param>
    /// <param name="options">What is read, computed and added.</param>
    public GptScoringEstimator FromModel(GptModel model, GptTransformerOptions options) =>
        new(new GptTransformer(_mlContext, model, options));

    /// <summary>
    /// Loads a transformer: a package written by <see cref="GptTransformer.Save"/>, a pipeline saved by ML.NET that
    /// contains just one GPT transformer, or a model in any format that <see cref="GptModel.Load"/> reads, such as a
    /// checkpoint of this library, a Hugging Face folder or a PyTorch state dict. The transformer owns its model.
    /// </summary>
    /// <param name="path">The file, or the folder that a package was unpacked to.</param>
    /// <param name="options">
    /// What is read, computed and added; if <see langword="null"/>, the saved ones or, for a plain model, the defaults.
    /// </param>
    /// <param name="modelOptions">
    /// How the model is stored and run; if <see langword="null"/>, with the precision that it was saved with or, for a
    /// plain model, the defaults.
    /// </param>
    /// <param name="progress">
    /// Receives the fraction of the weights that has been read, from 0 to 1, after each matrix. ML.NET reports nothing while
    /// it loads a pipeline.
    /// </param>
    /// <param name="cancellationToken">Cancels loading and frees its memory.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of a newer format, or contains something else; the message names it.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Loading was canceled.</exception>
    public GptTransformer LoadModel(
        string path,
        GptTransformerOptions? options = null,
        GptModelOptions? modelOptions = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        PipelineFile.Load(_mlContext, path, options, modelOptions, progress, cancellationToken);

    /// <summary>Loads a transformer on the thread pool, like <see cref="LoadModel"/>.</summary>
    /// <inheritdoc cref="LoadModel"/>
    public Task<GptTransformer> LoadModelAsync(
        string path,
        GptTransformerOptions? options = null,
        GptModelOptions? modelOptions = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => LoadModel(path, options, modelOptions, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Saves a whole pipeline like <c>ml.Model.Save</c>, for <c>ml.Model.Load</c>, but via a temporary file: if saving
    /// fails or is interrupted, the previous file remains intact.
    /// </summary>
    /// <param name="model">The pipeline.</param>
    /// <param name="inputSchema">The schema of its input; may be <see langword="null"/>.</param>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="cancellationToken">Cancels saving and keeps the old file.</param>
    public void SaveModel(ITransformer model, DataViewSchema? inputSchema, string path, CancellationToken cancellationToken = default) =>
        PipelineFile.Save(_mlContext, model, inputSchema, path, cancellationToken);

    /// <summary>Saves a whole pipeline on the thread pool, like <see cref="SaveModel"/>.</summary>
    /// <inheritdoc cref="SaveModel"/>
    public Task SaveModelAsync(
        ITransformer model, DataViewSchema? inputSchema, string path, CancellationToken cancellationToken = default) =>
        Task.Run(() => SaveModel(model, inputSchema, path, cancellationToken), cancellationToken);

    /// <summary>
    /// Evaluates scored text: cross-entropy, perplexity and related figures over all rows together, weighted by tokens.
    /// </summary>
    /// <param name="data">The output of a <see cref="GptTransformer"/>; a row is a document.</param>
    /// <param name="columns">
    /// The names of the transformer's columns, if they are not the default ones, such as <c>new
    /// GptOutputColumns().WithPrefix("Title.")</c>.
    /// </param>
    /// <param name="progress">Receives the sums so far after each row.</param>
    /// <param name="cancellationToken">
    /// Checked before each row. To stop in the middle of a long row, pass the token to
    /// <see cref="GptTransformer.Transform(IDataView, CancellationToken)"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A required column is missing, of another type, or not from a transformer.
    /// </exception>
    /// <exception cref="InvalidOperationException">No row has anything to predict.</exception>
    /// <exception cref="OperationCanceledException">The token or the context's execution was canceled.</exception>
    public LanguageModelMetrics Evaluate(
        IDataView data,
        GptOutputColumns? columns = null,
        IProgress<LanguageModelMetrics>? progress = null,
        CancellationToken cancellationToken = default) =>
        new LanguageModelEvaluator(_mlContext, columns ?? new()).Evaluate(data, progress, cancellationToken);

    /// <summary>Evaluates scored text on the thread pool, like <see cref="Evaluate"/>.</summary>
    /// <inheritdoc cref="Evaluate"/>
    public Task<LanguageModelMetrics> EvaluateAsync(
        IDataView data,
        GptOutputColumns? columns = null,
        IProgress<LanguageModelMetrics>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(data, columns, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Puts a model into a pipeline that scores continuations of contexts, or the choices of questions.
    /// </summary>
    /// <param name="model">The model. The caller disposes it; it may serve several pipelines.</param>
    /// <param name="options">What is read, computed and added; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public ContinuationEstimator ScoreContinuations(GptModel model, ContinuationTransformerOptions? options = null) =>
        new(new ContinuationTransformer(_mlContext, model, options));

    /// <summary>
    /// Puts a classifier of texts that is already trained, such as one from a folder of transformers, into a pipeline. The predicted
    /// label is a key whose values are the names of the labels.
    /// </summary>
    /// <param name="classifier">The classifier. The caller disposes it; it may serve several pipelines.</param>
    /// <param name="sentence1ColumnName">The column of text.</param>
    /// <param name="sentence2ColumnName">The column of second texts; only needed if the rows are pairs.</param>
    /// <param name="scoreColumnName">The column to add with the probability of each class, or with the predicted number.</param>
    /// <param name="outputColumnName">The column to add with the predicted class; not added for regression.</param>
    public GptTextEstimator ClassifyTexts(
        GptClassifier classifier,
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabel")
    {
        ArgumentNullException.ThrowIfNull(classifier);
        var columns = new TextColumns(
            Check.NotEmpty(sentence1ColumnName, nameof(sentence1ColumnName)), sentence2ColumnName,
            Check.NotEmpty(scoreColumnName, nameof(scoreColumnName)), Check.NotEmpty(outputColumnName, nameof(outputColumnName)));
        var keys = classifier.IsRegression ? null : LabelKeys.OfTexts([.. classifier.Labels]);
        return new(new GptTextTransformer(_mlContext, classifier, columns, keys, owner: null));
    }

    /// <summary>
    /// Evaluates scored continuations: how often the right choice is the likeliest, or a single continuation the greedy one.
    /// </summary>
    /// <param name="data">The output of a <see cref="ContinuationTransformer"/>; a row is a question.</param>
    /// <param name="answerColumnName">
    /// The column of the right choices: numbers from 0, or keys. A row whose value is missing or not that of a choice is not counted. The
    /// column is not needed for single continuations.
    /// </param>
    /// <param name="columns">The names of the transformer's columns, if they are not the default ones.</param>
    /// <param name="cancellationToken">Checked before each row.</param>
    /// <exception cref="ArgumentException">A required column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">No row is right or wrong.</exception>
    /// <exception cref="OperationCanceledException">The token or the context's execution was canceled.</exception>
    public TaskMetrics EvaluateContinuations(
        IDataView data,
        string answerColumnName = "Answer",
        ContinuationTransformerOptions? columns = null,
        CancellationToken cancellationToken = default) =>
        new ContinuationEvaluator(_mlContext, columns ?? new()).Evaluate(data, answerColumnName, cancellationToken);

    /// <summary>
    /// Evaluates a model's responses: the loss of the responses of all rows, and of what ends them, given their prompts. It is what
    /// <see cref="GptInstructionTrainer"/> reports for validation rows.
    /// </summary>
    /// <param name="data">The rows.</param>
    /// <param name="model">The model, such as <see cref="GptTransformer.Model"/> of a trained transformer.</param>
    /// <param name="promptColumnName">The column of instructions.</param>
    /// <param name="responseColumnName">The column of responses.</param>
    /// <param name="inputColumnName">
    /// The column of what the instructions are about; <see langword="null"/> if there is none.
    /// </param>
    /// <param name="options">How prompts and responses are written; those of the training.</param>
    /// <param name="cancellationToken">Checked before each row.</param>
    /// <exception cref="ArgumentException">
    /// A column is missing or not text, or a row has no response, or a prompt that fills the context.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token or the context's execution was canceled.</exception>
    public LanguageModelMetrics EvaluateInstructions(
        IDataView data,
        GptModel model,
        string promptColumnName = "Prompt",
        string responseColumnName = "Response",
        string? inputColumnName = null,
        InstructionOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(model);
        var environment = (IHostEnvironment)_mlContext;
        var cancellation = new Cancellation(environment.RegisterQuietly(nameof(EvaluateInstructions)), cancellationToken);
        var rows = InstructionColumns.Read(data, promptColumnName, responseColumnName, inputColumnName, cancellation);
        return LanguageModelMetrics.MergeDocuments(
            new ResponseScorer(model, options).Score(rows, cancellation.Token).Select(response => response.Metrics));
    }

    /// <summary>
    /// Trains and evaluates once per fold: on the rows outside the fold, and on those inside. A row is a document and
    /// is never divided; the numbers of rows of two folds differ by at most one. The folds' metrics can be merged into
    /// those of all rows, each held out once, with <see cref="LanguageModelMetrics.Merge"/>.
    /// </summary>
    /// <param name="data">The rows; they must have the same order each time they are read.</param>
    /// <param name="estimator">The pipeline to fit, which ends with, or contains, a trainer of this catalog.</param>
    /// <param name="numberOfFolds">At least 2, at most the number of rows.</param>
    /// <param name="columns">
    /// The names of the transformer's columns, if they are not the default ones.
    /// </param>
    /// <param name="samplingKeyColumnName">
    /// Rows with the same value in this column go into the same fold; <see langword="null"/> to treat each row
    /// separately.
    /// </param>
    /// <param name="seed">
    /// The seed from which the folds are drawn; if <see langword="null"/>, the seed of the <see cref="MLContext"/>, or
    /// 0.
    /// </param>
    /// <param name="cancellationToken">Checked before each fold and each row that is evaluated.</param>
    /// <returns>
    /// One result per fold: the model, its metrics, the scored rows of the fold. Each trained model owns its weights
    /// until it is disposed.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// There are fewer documents, or groups of them, than folds, or a column is missing.
    /// </exception>
    public IReadOnlyList<TrainCatalogBase.CrossValidationResult<LanguageModelMetrics>> CrossValidate(
        IDataView data,
        IEstimator<ITransformer> estimator,
        int numberOfFolds = 5,
        GptOutputColumns? columns = null,
        string? samplingKeyColumnName = null,
        int? seed = null,
        CancellationToken cancellationToken = default) =>
        new CrossValidation(_mlContext, columns ?? new(), cancellationToken).Run(
            data, estimator, numberOfFolds, samplingKeyColumnName, seed);
}
