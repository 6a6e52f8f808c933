using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// The part of a folder that transformers' classes for sequence classification have besides the decoder. Source:
/// <c>GPT2ForSequenceClassification</c> and <c>GenericForSequenceClassification</c>, whose head <c>score</c> has no bias, and
/// <c>PretrainedConfig</c>. How texts are read, and a bias, are additions of this library, which transformers ignores.
/// </summary>
internal static class ClassifierFolder
{
    private const int SizeLimit = 1 << 24;
    private const string ProblemType = "problem_type", SingleLabel = "single_label_classification", Regression = "regression";
    private const string LabelsById = "id2label", IdsByLabel = "label2id", TextsKey = "mlnet_gpt";
    private const string MaxTokens = "max_token_count", RefusesLongTexts = "refuses_long_texts", SpecialTokensKey = "special_tokens";

    /// <summary>Whether a folder, or its configuration, says that it is a model for sequence classification.</summary>
    public static bool Recognizes(string path)
    {
        const string name = HuggingFaceConstants.ConfigFile;
        string config = Path.GetFileName(path) == name ? path : Path.Combine(path, name);
        if (!File.Exists(config)) return false;
        try
        {
            return JsonFile.Read(config, SizeLimit, json => json.Optional("architectures") is { ValueKind: JsonValueKind.Array } names
                && names.EnumerateArray().Any(name => name.ValueKind == JsonValueKind.String
                    && name.GetString()!.EndsWith("ForSequenceClassification", StringComparison.Ordinal)));
        }
        catch (InvalidDataException)
        {
            return false; // opening it says what is wrong
        }
    }

    /// <summary>Writes the properties of <c>config.json</c>.</summary>
    public static void WriteConfig(Utf8JsonWriter json, StoredClassifier classifier)
    {
        var labels = classifier.Head.Labels;
        json.WriteStartObject(LabelsById);
        for (int i = 0; i < labels.Count; i++) json.WriteString(i.ToString(CultureInfo.InvariantCulture), labels[i]);
        json.WriteEndObject();
        json.WriteStartObject(IdsByLabel);
        for (int i = 0; i < labels.Count; i++) json.WriteNumber(labels[i], i);
        json.WriteEndObject();
        json.WriteNumber("num_labels", labels.Count);
        json.WriteString(ProblemType, classifier.Head.IsRegression ? Regression : SingleLabel);
        json.WriteStartObject(TextsKey);
        if (classifier.Texts.MaxTokenCount is { } count) json.WriteNumber(MaxTokens, count);
        else json.WriteNull(MaxTokens);
        json.WriteBoolean(RefusesLongTexts, classifier.Texts.RefusesLongTexts);
        json.WriteString(SpecialTokensKey, classifier.Texts.SpecialTokens.ToString());
        json.WriteEndObject();
    }

    /// <summary>Returns the tensors of the head, without a bias of zeros.</summary>
    public static IEnumerable<Exporting.ExportTensor> TensorsOf(ClassifierHead head)
    {
        yield return Tensor(WeightNames.Score, head.Weight, head.OutputCount, head.Width);
        if (Array.Exists(head.Bias, value => value != 0)) yield return Tensor(WeightNames.ScoreBias, head.Bias, head.OutputCount);

        static Exporting.ExportTensor Tensor(string name, float[] elements, params int[] shape) =>
            new(name, shape, (start, destination) => elements.AsSpan((int)start, destination.Length).CopyTo(destination));
    }

    /// <summary>Removes the head's tensors from those of a file and reads them and the configuration.</summary>
    /// <param name="configPath">The <c>config.json</c>.</param>
    /// <param name="config">The decoder.</param>
    /// <param name="tensors">The tensors of the file by their names.</param>
    /// <exception cref="InvalidDataException">It is not a model for sequence classification, or it is damaged.</exception>
    public static StoredClassifier Read(string configPath, GptConfig config, Dictionary<string, FileTensor> tensors)
    {
        if (!tensors.Remove(WeightNames.Score, out var weight))
        {
            throw new InvalidDataException(
                $"'{configPath}' is not the configuration of a model for sequence classification: its weights lack '{WeightNames.Score}'.");
        }

        int width = config.EmbeddingWidth;
        long outputs = weight.Shape is [var rows, var columns] && columns == width ? rows : 0;
        if (outputs is < 1 or > int.MaxValue || weight.Elements is null)
        {
            throw new InvalidDataException($"'{weight.File}' contains {weight}; it must have a row of {width} numbers for each label.");
        }

        float[] elements = new float[checked(outputs * width)], bias = new float[outputs];
        weight.Elements.Read(0, elements);
        if (tensors.Remove(WeightNames.ScoreBias, out var stored))
        {
            if (!stored.Shape.SequenceEqual([outputs]) || stored.Elements is null)
            {
                throw new InvalidDataException($"'{stored.File}' contains {stored}; it must have a number for each of {outputs} labels.");
            }

            stored.Elements.Read(0, bias);
        }

        return JsonFile.Read(configPath, SizeLimit, root =>
        {
            string? type = root.Optional(ProblemType)?.GetString();
            bool isRegression = type is null ? outputs == 1 : type == Regression;
            if (type is not (null or SingleLabel or Regression) || (isRegression && outputs != 1))
            {
                throw new InvalidDataException(
                    $"'{configPath}' has the {ProblemType} '{type}' with {Quantity.Of(outputs, "label")}; supported are {SingleLabel}, "
                    + $"and {Regression} with one.");
            }

            return new StoredClassifier(new(elements, bias, ReadLabels(root, (int)outputs), isRegression), ReadTexts(root));
        });
    }

    // Like transformers, LABEL_0 and so on if there are no names.
    private static string[] ReadLabels(JsonElement root, int count)
    {
        string[] labels = [.. Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"LABEL_{i}"))];
        if (root.Optional(LabelsById) is not { } names) return labels;
        var seen = new HashSet<int>();
        foreach (var property in names.EnumerateObject())
        {
            bool isId = int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < count;
            if (!isId || !seen.Add(id))
            {
                throw new JsonException($"'{LabelsById}' has the id '{property.Name}'; the head has {count} labels.");
            }

            labels[id] = property.Value.GetString() ?? throw new JsonException($"'{LabelsById}' has no name for {id}.");
        }

        if (seen.Count != count) throw new JsonException($"'{LabelsById}' has {seen.Count} labels; the head has {count}.");
        return labels.Distinct(StringComparer.Ordinal).Count() == count
            ? labels
            : throw new JsonException($"'{LabelsById}' has the same name for two labels.");
    }

    private static ClassifierTextOptions ReadTexts(JsonElement root)
    {
        if (root.Optional(TextsKey) is not { } texts) return new();
        string? special = texts.Optional(SpecialTokensKey)?.GetString();
        return new()
        {
            MaxTokenCount = texts.Optional(MaxTokens) is null ? null : texts.Integer(MaxTokens),
            RefusesLongTexts = texts.Optional(RefusesLongTexts)?.GetBoolean() ?? false,
            SpecialTokens = special is null ? SpecialTokens.Literal : Enum.Parse<SpecialTokens>(special),
        };
    }
}
