using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt;

/// <summary>Adds trainers that fine-tune a GPT model on texts to ML.NET's own tasks.</summary>
/// <remarks>
/// Parameters, their order and their defaults are those of ML.NET's <c>TextClassification</c> and <c>SentenceSimilarity</c>.
/// </remarks>
public static class GptTextCatalog
{
    /// <summary>
    /// Fine-tunes a GPT model to classify texts or pairs of texts. Trained are a new head, the last block and the last norm; the overload
    /// with options trains other parts.
    /// </summary>
    /// <param name="catalog">The trainers of multiclass classification.</param>
    /// <param name="labelColumnName">The column of labels, which are keys.</param>
    /// <param name="scoreColumnName">The column to add with the probability of each class.</param>
    /// <param name="outputColumnName">The column to add with the predicted class, a key with the values of the label column.</param>
    /// <param name="sentence1ColumnName">The column of text.</param>
    /// <param name="sentence2ColumnName">The column of second texts; only needed if the rows are pairs.</param>
    /// <param name="batchSize">The number of rows in a batch.</param>
    /// <param name="maxEpochs">The most passes over the rows.</param>
    /// <param name="initialModel">
    /// The model to start from, which is required and not changed. To start from a file, use the overload with options.
    /// </param>
    /// <param name="validationSet">Rows that are only measured during training.</param>
    /// <exception cref="ArgumentException">There is no model, or a name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch size or the number of epochs is below 1.</exception>
    public static GptTextTrainer GptTextClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabel",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        int batchSize = 32,
        int maxEpochs = 10,
        GptModel? initialModel = null,
        IDataView? validationSet = null) => catalog.GptTextClassification(
            Options(
                labelColumnName, scoreColumnName, sentence1ColumnName, sentence2ColumnName, batchSize, maxEpochs, initialModel,
                validationSet)
            with { OutputColumnName = outputColumnName });

    /// <summary>Fine-tunes a GPT model to classify texts or pairs of texts, with options.</summary>
    /// <param name="catalog">The trainers of multiclass classification.</param>
    /// <param name="options">The columns, the model to start from, and how it is trained.</param>
    /// <exception cref="ArgumentException">The options are inconsistent.</exception>
    public static GptTextTrainer GptTextClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, GptTextTrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new(CatalogUtils.GetEnvironment(catalog), options, isRegression: false);
    }

    /// <summary>
    /// Fine-tunes a GPT model to predict a number from a text or a pair of texts, with the mean squared error as loss. Trained are a new
    /// head, the last block and the last norm; the overload with options trains other parts.
    /// </summary>
    /// <param name="catalog">The trainers of regression.</param>
    /// <param name="labelColumnName">The column of numbers (Single).</param>
    /// <param name="scoreColumnName">The column to add with the predicted number.</param>
    /// <param name="sentence1ColumnName">The column of text.</param>
    /// <param name="sentence2ColumnName">The column of second texts; only needed if the rows are pairs.</param>
    /// <param name="batchSize">The number of rows in a batch.</param>
    /// <param name="maxEpochs">The most passes over the rows.</param>
    /// <param name="initialModel">
    /// The model to start from, which is required and not changed. To start from a file, use the overload with options.
    /// </param>
    /// <param name="validationSet">Rows that are only measured during training.</param>
    /// <exception cref="ArgumentException">There is no model, or a name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch size or the number of epochs is below 1.</exception>
    public static GptTextTrainer GptTextRegression(
        this RegressionCatalog.RegressionTrainers catalog,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        int batchSize = 32,
        int maxEpochs = 10,
        GptModel? initialModel = null,
        IDataView? validationSet = null) => catalog.GptTextRegression(
            Options(
                labelColumnName, scoreColumnName, sentence1ColumnName, sentence2ColumnName, batchSize, maxEpochs, initialModel,
                validationSet));

    /// <summary>Fine-tunes a GPT model to predict a number from a text or a pair of texts, with options.</summary>
    /// <param name="catalog">The trainers of regression.</param>
    /// <param name="options">The columns, the model to start from, and how it is trained.</param>
    /// <exception cref="ArgumentException">The options are inconsistent.</exception>
    public static GptTextTrainer GptTextRegression(this RegressionCatalog.RegressionTrainers catalog, GptTextTrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new(CatalogUtils.GetEnvironment(catalog), options, isRegression: true);
    }

    private static GptTextTrainerOptions Options(
        string labelColumnName, string scoreColumnName, string sentence1ColumnName, string? sentence2ColumnName, int batchSize,
        int maxEpochs, GptModel? initialModel, IDataView? validationSet)
    {
        var defaults = new GptClassifierOptions();
        return new()
        {
            LabelColumnName = labelColumnName,
            ScoreColumnName = scoreColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            InitialModel = initialModel,
            ValidationSet = validationSet,
            Classifier = defaults with { Training = defaults.Training with { BatchSize = batchSize, Epochs = maxEpochs } },
        };
    }
}
