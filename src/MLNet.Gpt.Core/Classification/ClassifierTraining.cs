using MLNet.Gpt.Configuration;
using MLNet.Gpt.Network;
using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Classification;

/// <summary>Trains a classifier: rows become sequences with labels, and the trained weights a decoder and a head.</summary>
internal static class ClassifierTraining
{
    /// <exception cref="ArgumentException">The rows or the options do not fit the model.</exception>
    public static GptClassifier Run(
        IWeightSource weights, ITextTokenizer tokenizer, IReadOnlyList<LabeledText> rows, GptClassifierOptions options,
        IReadOnlyList<LabeledText>? validation, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        var config = HeadlessWeights.ConfigOf(weights.Config.Validated());
        var texts = options.Texts.ValidatedFor(config);
        if (rows.Count == 0) throw new ArgumentException("There are no rows to train on.", nameof(rows));
        string[] labels = LabelsOf(rows, options.Labels, out bool isRegression);
        if (validation is null) (rows, validation) = HeldOutRows.Split(rows, options.Training);

        var encoder = new ClassifierEncoder(tokenizer, config, texts);
        var training = options.Training with
        {
            ScoreCount = labels.Length,
            FrozenWeights = [.. FrozenBy(options, config), .. options.Training.FrozenWeights],
            Lora = options.Training.Lora is { } lora ? WithHead(lora) : null,
            ValidationFraction = 0,
        };
        var data = TrainingData.FromSequences(
            Encode(rows, nameof(rows)), validation is null ? null : Encode(validation, nameof(validation)), config.ContextLength,
            config.VocabularySize);
        var result = weights.Train(data, training, progress, cancellationToken);
        var trained = result.Weights;
        var head = new ClassifierHead(
            trained[WeightNames.Score].ToArray(), trained[WeightNames.ScoreBias].ToArray(), labels, isRegression);
        var model = GptModel.FromWeights(new HeadlessWeights(trained), tokenizer, options.Model, cancellationToken: cancellationToken);
        return new(model, head, texts, result.History);

        TrainingSequence[] Encode(IReadOnlyList<LabeledText> part, string name)
        {
            var ids = new Dictionary<string, int>(StringComparer.Ordinal);
            for (int i = 0; i < labels.Length; i++) ids.Add(labels[i], i);
            return [.. part.Select((row, i) => new TrainingSequence(encoder.Encode(row.Text, row.SecondText, cancellationToken).Ids)
            {
                Label = isRegression ? null : ids.TryGetValue(LabelOf(row, i, name), out int id) ? id : throw new ArgumentException(
                    $"Row {i} has the label '{row.Label}'; the labels are {Show(labels)}.", name),
                Value = !isRegression ? null : row.Value ?? throw new ArgumentException(
                    $"Row {i} has a label, but the first row has a number.", name),
            })];
        }
    }

    private static string[] LabelsOf(IReadOnlyList<LabeledText> rows, IReadOnlyList<string>? given, out bool isRegression)
    {
        isRegression = rows[0].Value is not null;
        if (isRegression)
        {
            return given is null or { Count: 1 } ? [given?[0] ?? "LABEL_0"] : throw new ArgumentException(
                $"{nameof(GptClassifierOptions.Labels)} has {Quantity.Of(given.Count, "label")}, but the rows have numbers.", nameof(rows));
        }

        string[] labels = given is null
            ? [.. rows.Select((row, i) => LabelOf(row, i, nameof(rows))).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
            : [.. given];
        if (labels.Length < 2)
        {
            throw new ArgumentException(
                $"There is nothing to tell apart: the rows have {Quantity.Of(labels.Length, "label")}, {Show(labels)}; at least 2 are "
                + "needed.",
                nameof(rows));
        }

        return labels.Distinct(StringComparer.Ordinal).Count() == labels.Length
            ? labels
            : throw new ArgumentException($"{nameof(GptClassifierOptions.Labels)} has the same label twice: {Show(labels)}.", nameof(rows));
    }

    private static string LabelOf(LabeledText row, int index, string name) => row.Label
        ?? throw new ArgumentException($"Row {index} has a number, but the first row has a label.", name);

    private static string Show(IReadOnlyList<string> labels) =>
        string.Join(", ", labels.Take(5).Select(label => $"'{label}'")) + (labels.Count > 5 ? ", …" : "");

    // Nothing is known about the new head, so it is trained in full beside the adapters, unless it is to have one.
    private static LoraOptions WithHead(LoraOptions lora)
    {
        string[] head = [WeightNames.Score, WeightNames.ScoreBias], named = [.. lora.Targets, .. lora.TrainedWeights];
        return lora with { TrainedWeights = [.. lora.TrainedWeights, .. head.Where(name => !LoraTargets.Matches(named, name))] };
    }

    private static IEnumerable<string> FrozenBy(GptClassifierOptions options, GptConfig config)
    {
        if (options.TrainedPart == TrainedPart.All || options.Training.Lora is not null) yield break;
        yield return WeightNames.TokenEmbedding;
        if (config.Rotary is null) yield return WeightNames.PositionEmbedding;
        int blocks = options.TrainedPart == TrainedPart.Head ? config.LayerCount : config.LayerCount - 1;
        for (int layer = 0; layer < blocks; layer++) yield return FormattableString.Invariant($"trf_blocks.{layer}.*");
        if (options.TrainedPart == TrainedPart.Head) yield return "final_norm.*";
    }
}
