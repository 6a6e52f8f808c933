using Microsoft.ML;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptTextTrainer"/> reads and adds, the model that it starts from, and how it is trained.</summary>
/// <remarks>
/// The names of columns and their defaults are those of ML.NET's own <c>TextClassification</c> and <c>SentenceSimilarity</c>.
/// </remarks>
public sealed record GptTextTrainerOptions
{
    /// <summary>
    /// The model to start from. It is not changed and not disposed, and must live until <c>Fit</c> returns.
    /// </summary>
    /// <value><see langword="null"/>: there must be an <see cref="InitialModelPath"/>.</value>
    public GptModel? InitialModel { get; init; }

    /// <summary>
    /// The file or folder of the model to start from, in any format that <see cref="GptModel.Load"/> reads. <c>Fit</c> opens it and
    /// keeps only the trained copy in memory.
    /// </summary>
    /// <value><see langword="null"/>: there must be an <see cref="InitialModel"/>.</value>
    public string? InitialModelPath { get; init; }

    /// <summary>The column of labels: keys for classification, numbers (Single) for regression.</summary>
    /// <value><c>Label</c>.</value>
    public string LabelColumnName { get; init => field = Check.NotEmpty(value, nameof(LabelColumnName)); } = "Label";

    /// <summary>The column to add with the probability of each class, or with the predicted number.</summary>
    /// <value><c>Score</c>.</value>
    public string ScoreColumnName { get; init => field = Check.NotEmpty(value, nameof(ScoreColumnName)); } = "Score";

    /// <summary>The column to add with the predicted class, a key; not added for regression.</summary>
    /// <value><c>PredictedLabel</c>.</value>
    public string OutputColumnName { get; init => field = Check.NotEmpty(value, nameof(OutputColumnName)); } = "PredictedLabel";

    /// <summary>The column of text to read.</summary>
    /// <value><c>Sentence1</c>.</value>
    public string Sentence1ColumnName { get; init => field = Check.NotEmpty(value, nameof(Sentence1ColumnName)); } = "Sentence1";

    /// <summary>The column of second texts, if the rows are pairs.</summary>
    /// <value><see langword="null"/>: the rows are single texts.</value>
    public string? Sentence2ColumnName { get; init; }

    /// <summary>Rows that are only measured during training.</summary>
    /// <value>
    /// <see langword="null"/>: those that <see cref="TrainingOptions.ValidationFraction"/> in <see cref="Classifier"/> holds out.
    /// </value>
    public IDataView? ValidationSet { get; init; }

    /// <summary>
    /// Which part of the model is trained and how, and how texts are read. Its <see cref="GptClassifierOptions.Labels"/> are not used:
    /// the classes are those of the label column.
    /// </summary>
    /// <value>
    /// The defaults of <see cref="GptClassifierOptions"/>. The catalog's methods without options set 10 epochs of batches of 32 texts,
    /// as ML.NET's own trainers.
    /// </value>
    public GptClassifierOptions Classifier { get; init; } = new();

    /// <summary>The seed of the head, the order of the rows, the rows held out, and dropout.</summary>
    /// <value>
    /// <see langword="null"/>: <see cref="TrainingOptions.Seed"/> if it is set, else the seed of the <c>MLContext</c>, else 123.
    /// </value>
    public long? Seed { get; init; }

    /// <summary>Receives a report before the first step and after each.</summary>
    /// <value>
    /// <see langword="null"/>: no reports. <c>MLContext.Log</c> always has a line at the first step, at each evaluation and every ten
    /// seconds.
    /// </value>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Stops the training before its next step; <c>Fit</c> then throws <see cref="OperationCanceledException"/>. Canceling the
    /// <c>MLContext</c>'s execution has the same effect.
    /// </summary>
    /// <value>A token that is never canceled.</value>
    public CancellationToken CancellationToken { get; init; }
}
