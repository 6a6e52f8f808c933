using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace MLNet.Gpt.Samples.SpamFilter;

/// <summary>Trains filters on the training mails, chooses their settings on the validation mails, and tests them.</summary>
internal sealed class SpamFilters
{
    private const string Features = "Features", Score = "Score", Label = nameof(Mail.Label), Text = nameof(Mail.Text);

    private static readonly float[] Regularizations = [1e-5f, 1e-4f, 1e-3f, 1e-2f];

    // Chosen on the validation mails. A large pretrained model wants a learning rate of about 5e-5 instead.
    private static readonly TrainingOptions FineTuning = new()
    {
        Epochs = 4, BatchSize = 16, LearningRate = 1e-3, FinalLearningRate = 5e-5, LabelSmoothing = 0.1,
        KeepBest = true, EvaluationInterval = 50, EvaluationBatches = null,
    };

    private readonly MLContext _ml = new(seed: 1);
    private readonly IDataView _training, _validation, _test;

    public SpamFilters(string folder)
    {
        (_training, _validation, _test) = (Load("train.tsv"), Load("validation.tsv"), Load("test.tsv"));
        IsSpam = [.. _test.GetColumn<string>(Label).Select(label => label == Mail.Spam)];

        IDataView Load(string name) => _ml.Data.LoadFromTextFile<Mail>(Path.Combine(folder, name), hasHeader: true);
    }

    /// <summary>Whether each test mail is spam.</summary>
    public bool[] IsSpam { get; }

    /// <summary>The texts of the training mails.</summary>
    public string[] TrainingTexts => [.. _training.GetColumn<string>(Text)];

    /// <summary>ML.NET's own features, n-grams of words and letters, and a linear classifier.</summary>
    public Filter FromWords() => FromFeatures("FeaturizeText + SDCA", _ml.Transforms.Text.FeaturizeText(Features, Text));

    /// <summary>The mean of a GPT's last hidden states, and the same linear classifier.</summary>
    public Filter FromEmbeddings(GptModel model) => FromFeatures(
        "frozen GPT embeddings + SDCA",
        _ml.LanguageModeling.FromModel(model, new GptTransformerOptions { Columns = GptOutputColumns.None with { Embedding = Features } })
            .Append(_ml.Transforms.NormalizeMeanVariance(Features)));

    /// <summary>The GPT with a new head, all of which is trained on; of its steps, those of the lowest validation loss count.</summary>
    public Filter FromFineTuning(GptModel model)
    {
        long start = Stopwatch.GetTimestamp();
        var keys = Key().Fit(_training);
        var trained = _ml.MulticlassClassification.Trainers.GptTextClassification(new GptTextTrainerOptions
        {
            Sentence1ColumnName = Text,
            InitialModel = model,
            ValidationSet = keys.Transform(_validation),
            Classifier = new() { TrainedPart = TrainedPart.All, Training = FineTuning },
        }).Fit(keys.Transform(_training));
        return Test("fine-tuned GPT", start, keys.Append(trained));
    }

    private Filter FromFeatures(string name, IEstimator<ITransformer> features)
    {
        long start = Stopwatch.GetTimestamp();
        var prepared = Key().Append(features).AppendCacheCheckpoint(_ml).Fit(_training);
        IDataView training = _ml.Data.Cache(prepared.Transform(_training)), validation = _ml.Data.Cache(prepared.Transform(_validation));
        var best = Regularizations
            .Select(l2 => _ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(l2Regularization: l2).Fit(training))
            .MinBy(model => _ml.MulticlassClassification.Evaluate(model.Transform(validation)).LogLoss)!;
        return Test(name, start, prepared.Append(best));
    }

    // ham is the first key and spam the second.
    private IEstimator<ITransformer> Key() =>
        _ml.Transforms.Conversion.MapValueToKey(Label, keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);

    private Filter Test(string name, long start, ITransformer model)
    {
        double[] probabilities = [.. model.Transform(_test).GetColumn<float[]>(Score).Select(scores => (double)scores[1])];
        return new(name, Stopwatch.GetElapsedTime(start).TotalSeconds, probabilities, IsSpam);
    }
}
