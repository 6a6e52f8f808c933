using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Classification;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Softmax;

namespace MLNet.Gpt;

/// <summary>
/// A decoder that predicts the class of a text, or a number, instead of its next token: a linear layer on the last token's hidden state
/// replaces the output head. Thread-safe; loads no native library.
/// </summary>
/// <remarks>
/// <para>
/// Texts are packed one after the other, without padding. A text's prediction depends only on the weights and the text, to the last bit:
/// not on the other texts of a call, nor on the number of threads.
/// </para>
/// <para>
/// It owns its model, a copy without the output head; <see cref="Dispose"/> frees the weights.
/// </para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptClassifier : IDisposable
{
    // Enough tokens for products at full speed; bounds the memory of one call.
    private const int RowsPerCall = 4096;

    private readonly ClassifierEncoder _encoder;

    /// <summary>Takes ownership of the model, which has no output head of its own.</summary>
    internal GptClassifier(GptModel model, ClassifierHead head, ClassifierTextOptions texts, TrainingHistory? history = null)
    {
        (Model, Head, Texts, History) = (model, head, texts.ValidatedFor(model.Config), history);
        _encoder = new(model.Tokenizer, model.Config, Texts);
    }

    /// <summary>
    /// The decoder below the head. Its next-token predictions are meaningless; its hidden states are those of the classifier.
    /// </summary>
    public GptModel Model { get; }

    /// <summary>The names of the classes, K; of a regression, the one name of its number.</summary>
    public IReadOnlyList<string> Labels => Head.Labels;

    /// <summary>Whether it predicts a number instead of a class.</summary>
    public bool IsRegression => Head.IsRegression;

    /// <summary>How texts are read.</summary>
    public ClassifierTextOptions Texts { get; }

    /// <summary>The losses measured during training; <see langword="null"/> if the classifier was loaded.</summary>
    public TrainingHistory? History { get; }

    /// <summary>The head's weight W, (K, C), row-major: <c>score.weight</c> in files.</summary>
    public ReadOnlySpan<float> HeadWeight => Head.Weight;

    /// <summary>The head's bias b, (K): <c>score.bias</c> in files.</summary>
    public ReadOnlySpan<float> HeadBias => Head.Bias;

    internal ClassifierHead Head { get; }

    /// <summary>
    /// Trains a classifier that starts from a model: for classes if the rows have labels, for a number if they have values.
    /// </summary>
    /// <param name="model">The model to start from, which is not changed.</param>
    /// <param name="rows">The rows to train on.</param>
    /// <param name="options">What to train and how; the defaults if <see langword="null"/>.</param>
    /// <param name="validation">
    /// Rows that are only measured; if <see langword="null"/>, those that <see cref="TrainingOptions.ValidationFraction"/> holds out.
    /// </param>
    /// <param name="progress">Receives a report before the first step and after every step.</param>
    /// <param name="cancellationToken">Stops training before its next step.</param>
    /// <exception cref="ArgumentException">
    /// There are no rows, some have labels and some values, there is only one class, a label is not among those of the options, a text
    /// cannot be encoded, or the options do not fit the model.
    /// </exception>
    /// <exception cref="OperationCanceledException">Training was canceled.</exception>
    /// <exception cref="TrainingDivergedException">The loss or the gradient norm became NaN or infinite.</exception>
    public static GptClassifier Train(
        GptModel model,
        IReadOnlyList<LabeledText> rows,
        GptClassifierOptions? options = null,
        IReadOnlyList<LabeledText>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        return Train(
            model, model.Tokenizer, rows, options with { Model = options.Model ?? model.Options }, validation, progress, cancellationToken);
    }

    /// <summary>Trains a classifier that starts from weights, such as those of an open file.</summary>
    /// <param name="weights">The weights to start from, which are not changed.</param>
    /// <param name="tokenizer">The tokenizer that belongs to them.</param>
    /// <param name="rows">The rows to train on.</param>
    /// <param name="options">What to train and how; the defaults if <see langword="null"/>.</param>
    /// <param name="validation">
    /// Rows that are only measured; if <see langword="null"/>, those that <see cref="TrainingOptions.ValidationFraction"/> holds out.
    /// </param>
    /// <param name="progress">Receives a report before the first step and after every step.</param>
    /// <param name="cancellationToken">Stops training before its next step.</param>
    /// <exception cref="ArgumentException">The rows or the options do not fit each other or the model.</exception>
    /// <exception cref="OperationCanceledException">Training was canceled.</exception>
    /// <exception cref="TrainingDivergedException">The loss or the gradient norm became NaN or infinite.</exception>
    public static GptClassifier Train(
        IWeightSource weights,
        ITextTokenizer tokenizer,
        IReadOnlyList<LabeledText> rows,
        GptClassifierOptions? options = null,
        IReadOnlyList<LabeledText>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(rows);
        return ClassifierTraining.Run(weights, tokenizer, rows, options ?? new(), validation, progress, cancellationToken);
    }

    /// <summary>Returns whether a path is a folder, or the <c>config.json</c> in one, that <see cref="Load"/> reads.</summary>
    /// <param name="path">A path; it need not exist.</param>
    public static bool IsClassifier(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ClassifierFolder.Recognizes(path);
    }

    /// <summary>
    /// Loads a folder of transformers' <c>GPT2ForSequenceClassification</c>, <c>LlamaForSequenceClassification</c> or that of another
    /// supported family, as <see cref="Save"/> writes it.
    /// </summary>
    /// <param name="path">The folder, or its <c>config.json</c>.</param>
    /// <param name="options">Precision and threads; the defaults if <see langword="null"/>. The head is always at single precision.</param>
    /// <param name="tokenizer">Replaces the tokenizer in the folder; required if there is none, unless the vocabulary is GPT-2's.</param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the loading and frees its memory.</param>
    /// <exception cref="InvalidDataException">
    /// It is not such a folder, or it is damaged; the message names the file and the problem.
    /// </exception>
    /// <exception cref="IOException">The folder does not exist or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static GptClassifier Load(
        string path,
        GptModelOptions? options = null,
        ITextTokenizer? tokenizer = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var file = GptModelFile.OpenClassifier(path, cancellationToken, out var stored);
        var model = GptModel.FromFile(file, options, tokenizer, progress, cancellationToken);
        try
        {
            return new(model, stored.Head, stored.Texts);
        }
        catch (ArgumentException error)
        {
            model.Dispose();
            throw new InvalidDataException($"'{path}' has settings that do not fit its model: {error.Message}", error);
        }
    }

    /// <summary>
    /// Saves a folder that transformers reads as a model for sequence classification, with its labels in <c>config.json</c>. It is written
    /// aside and moved into place.
    /// </summary>
    /// <param name="path">The folder to create or replace.</param>
    /// <param name="options">The data type and the size of files; the format is always a Hugging Face folder.</param>
    /// <param name="progress">Receives a report after every mebibyte or so.</param>
    /// <param name="cancellationToken">Stops the operation and keeps what was there before.</param>
    /// <remarks>
    /// transformers' classes have no bias, and ignore <c>score.bias</c>. It is not written if it is zero: train with
    /// <see cref="TrainingOptions.FrozenWeights"/> <c>["score.bias"]</c> for a classifier whose logits transformers computes as well.
    /// </remarks>
    /// <exception cref="ArgumentException">No family of transformers has the model's parts together.</exception>
    public void Save(
        string path,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        GptModelExporter.ExportClassifier(path, Model, Model.Tokenizer, new(Head, Texts), options, progress, cancellationToken);

    /// <summary>Predicts the class of a text, or its number.</summary>
    /// <param name="text">The text; an empty one is read as the token that ends a text.</param>
    /// <param name="secondText">The second text of a pair; <see langword="null"/> for a single text.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="ArgumentException">
    /// The text is empty, or there are two, and the vocabulary has no token that ends a text; or it is too long, and the options
    /// refuse it.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// An output is NaN or infinite, because weights are NaN or activations overflow.
    /// </exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public TextPrediction Predict(string text, string? secondText = null, CancellationToken cancellationToken = default) =>
        Predict([(text, secondText)], cancellationToken)[0];

    /// <summary>Predicts the classes of many texts, or their numbers, several in each pass; each gets the same bits as alone.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <inheritdoc cref="Predict(string, string?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<TextPrediction> Predict(IReadOnlyList<string> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return Predict([.. texts.Select(text => (text, (string?)null))], cancellationToken);
    }

    /// <summary>
    /// Predicts the classes of many pairs of texts, or their numbers, several in each pass; each gets the same bits as alone.
    /// </summary>
    /// <param name="texts">Pairs; the second text of a single text is <see langword="null"/>.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <inheritdoc cref="Predict(string, string?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<TextPrediction> Predict(
        IReadOnlyList<(string Text, string? SecondText)> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ClassifierInput[] inputs = [.. texts.Select(pair => _encoder.Encode(pair.Text, pair.SecondText, cancellationToken))];
        var predictions = new TextPrediction[inputs.Length];
        for (int first = 0, end; first < inputs.Length; first = end)
        {
            int rows = 0;
            for (end = first; end < inputs.Length && (end == first || rows + inputs[end].Ids.Length <= RowsPerCall); end++)
            {
                rows += inputs[end].Ids.Length;
            }

            Predict(inputs.AsSpan(first..end), predictions.AsSpan(first..end), cancellationToken);
        }

        return predictions;
    }

    /// <summary>Predicts the classes of many texts on the thread pool.</summary>
    /// <inheritdoc cref="Predict(IReadOnlyList{string}, CancellationToken)"/>
    public Task<IReadOnlyList<TextPrediction>> PredictAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken = default) =>
        Task.Run(() => Predict(texts, cancellationToken), cancellationToken);

    /// <summary>Returns the ids that the model reads of a text or pair.</summary>
    /// <inheritdoc cref="Predict(string, string?, CancellationToken)" path="/param|/exception"/>
    public int[] Encode(string text, string? secondText = null, CancellationToken cancellationToken = default) =>
        _encoder.Encode(text, secondText, cancellationToken).Ids;

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Model.Dispose();

    /// <summary>The number of classes, and the model.</summary>
    public override string ToString() => (IsRegression
        ? "Regression"
        : string.Create(CultureInfo.InvariantCulture, $"Classifier of {Quantity.Of(Labels.Count, "label")}")) + $"; {Model}";

    /// <summary>Returns the prediction from the last token's hidden state, without the counts of tokens.</summary>
    internal TextPrediction PredictionOf(ReadOnlySpan<float> hiddenState) =>
        PredictionOf(Head.Apply(hiddenState), tokenCount: 0, isTruncated: false);

    private void Predict(ReadOnlySpan<ClassifierInput> inputs, Span<TextPrediction> predictions, CancellationToken cancellationToken)
    {
        int[] lengths = new int[inputs.Length];
        var ids = new List<int>();
        for (int i = 0; i < inputs.Length; i++)
        {
            lengths[i] = inputs[i].Ids.Length;
            ids.AddRange(inputs[i].Ids);
        }

        int[] targets = new int[ids.Count];
        Array.Fill(targets, -1); // no next token is scored
        var ends = new ClassifierEnds(Head, inputs.Length);
        Model.Score(
            new ScoringBatch { Inputs = ids.ToArray(), Targets = targets, Lengths = lengths, Scores = [], Ends = ends }, cancellationToken);
        for (int i = 0; i < inputs.Length; i++)
        {
            predictions[i] = PredictionOf(ends.Outputs[i], inputs[i].Ids.Length, inputs[i].IsTruncated);
        }
    }

    private TextPrediction PredictionOf(float[] logits, int tokenCount, bool isTruncated)
    {
        if (Array.Exists(logits, logit => !float.IsFinite(logit)))
        {
            throw new InvalidOperationException(
                "An output of the classifier is not a number: the model's weights are NaN, or its activations overflow.");
        }

        if (IsRegression) return new(label: null, 0, logits, logits, tokenCount, isTruncated);
        var row = SoftmaxRow.Of(logits, 0);
        float[] scores = [.. logits.Select(logit => (float)row.Probability(logit))];
        int best = Array.IndexOf(logits, row.Greatest);
        return new(Labels[best], best, scores, logits, tokenCount, isTruncated);
    }
}
