using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Adapters;

/// <summary>
/// A folder of Hugging Face's PEFT with a LoRA adapter. Source: PEFT's <c>LoraConfig</c>, <c>save_pretrained</c> and
/// <c>get_pattern_key</c>.
/// </summary>
internal static class PeftFormat
{
    public const string ConfigFile = "adapter_config.json", WeightsFile = "adapter_model.safetensors";

    private const string PickledFile = "adapter_model.bin", Prefix = "base_model.model.";
    private const string SuffixA = ".lora_A.weight", SuffixB = ".lora_B.weight", WeightSuffix = ".weight";
    private const int LongestConfig = 1 << 24;

    // Initializations that change the base, which then no longer fits the adapter alone.
    private static readonly string[] ChangedBases = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    /// <summary>Returns whether a file belongs to such a folder.</summary>
    public static bool IsReplaceable(string name) => name is ConfigFile or WeightsFile or "README.md";

    /// <summary>Writes a folder.</summary>
    public static void Write(string path, LoraAdapter adapter, string? baseModel, CancellationToken cancellationToken) =>
        AtomicFolder.Write(path, IsReplaceable, folder =>
        {
            foreach (var (name, write) in Files(adapter, baseModel, cancellationToken))
            {
                AtomicFile.Write(Path.Combine(folder, name), length: 0, write);
            }
        });

    /// <summary>Returns the files of a folder, and what writes them.</summary>
    /// <exception cref="ArgumentException">PEFT has no place for a weight that was trained in full.</exception>
    public static IEnumerable<(string Name, Action<Stream> Write)> Files(
        LoraAdapter adapter, string? baseModel, CancellationToken cancellationToken)
    {
        var table = HuggingFaceNames.Of(adapter.Config.Family);
        var all = AdapterModule.Of(table, adapter.Config);
        var adapted = AdapterModule.Join(all, adapter);
        var tensors = new List<ExportTensor>();
        foreach (var each in adapted)
        {
            tensors.Add(Tensor($"{Prefix}{each.Module.Name}{SuffixA}", each.A, each.Rank, each.Module.Columns));
            tensors.Add(Tensor($"{Prefix}{each.Module.Name}{SuffixB}", each.B, each.Module.Rows, each.Rank));
        }

        var saved = SavedWeights(table, adapter);
        tensors.AddRange(saved);
        byte[] config = JsonFileWriter.Write(json => WriteConfig(json, adapter, baseModel, table, all, adapted, saved));
        yield return (ConfigFile, stream => stream.Write(config));
        yield return (WeightsFile, stream => SafetensorsWriter.Write(
            stream, tensors, TensorDataType.Float32,
            new Dictionary<string, string> { [SafetensorsConstants.FrameworkKey] = SafetensorsConstants.Framework },
            new ElementWriter(new ExportMeter(progress: null, cancellationToken))));
    }

    /// <summary>Reads a folder.</summary>
    /// <exception cref="InvalidDataException">A file is missing or damaged, or a variant of LoRA that is not supported.</exception>
    public static LoraAdapter Read(string folder, GptConfig config)
    {
        string configPath = Path.Combine(folder, ConfigFile), path = Path.Combine(folder, WeightsFile);
        if (!File.Exists(configPath)) throw new InvalidDataException($"'{folder}' has no {ConfigFile}, so it is not an adapter of PEFT.");
        var settings = JsonFile.Read(configPath, LongestConfig, json => Settings.Read(json));
        if (!File.Exists(path))
        {
            string found = File.Exists(Path.Combine(folder, PickledFile)) ? $", only {PickledFile}; save it as safetensors" : "";
            throw new InvalidDataException($"'{folder}' has no {WeightsFile}{found}.");
        }

        using var file = SafetensorsReader.Open(path);
        var table = HuggingFaceNames.Of(config.Family);
        var modules = AdapterModule.Of(table, config).ToDictionary(module => module.Name, StringComparer.Ordinal);
        var pairs = new AdapterPairs(path);
        var weights = new Dictionary<string, float[]>();
        foreach (var tensor in file.FileTensors())
        {
            string name = tensor.Name.StartsWith(Prefix, StringComparison.Ordinal) ? tensor.Name[Prefix.Length..] : tensor.Name;
            if (name.EndsWith(SuffixA, StringComparison.Ordinal)) pairs.Add(name[..^SuffixA.Length], tensor, isA: true);
            else if (name.EndsWith(SuffixB, StringComparison.Ordinal)) pairs.Add(name[..^SuffixB.Length], tensor, isA: false);
            else ReadWeight(path, table, config, name, tensor, pairs, weights);
        }

        return LoraAdapter.Read(
            path, config, pairs.Read(modules, (module, rank) => settings.ScaleOf(configPath, module, rank)), weights, settings.Dropout);
    }

    private static ExportTensor Tensor(string name, float[] elements, params int[] shape) =>
        new(name, shape, (start, destination) => elements.AsSpan((int)start, destination.Length).CopyTo(destination));

    // Modules that PEFT saves whole, like a head of scores.
    private static List<ExportTensor> SavedWeights(TensorTable table, LoraAdapter adapter)
    {
        var tensors = new List<ExportTensor>();
        foreach (string name in adapter.Weights.Keys)
        {
            var (file, offset, shape) = PlaceOf(table, adapter.Config, name) ?? throw new ArgumentException(
                $"The adapter replaces '{name}', for which a folder of PEFT has no place; merge the adapter instead.", nameof(adapter));
            var tensor = Tensor(Prefix + file, adapter.Weights[name], [.. shape]);
            tensors.Add(offset == 0 ? tensor : tensor.Plus(-offset));
        }

        return tensors;
    }

    // The name of a weight that a file has as it is, what is added to its numbers, and its shape.
    private static (string Name, float Offset, IReadOnlyList<int> Shape)? PlaceOf(TensorTable table, GptConfig config, string weight)
    {
        var shapes = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => entry.Shape);
        bool isScore = weight is WeightNames.Score or WeightNames.ScoreBias; // by the same name
        if (isScore) return shapes.TryGetValue(weight, out var score) ? (weight, 0, score) : null;
        foreach (var (role, layer) in table.Tensors(config.LayerCount))
        {
            if (role.Weights(layer) is not [var single] || single != weight || (table.IsTransposed && role.IsLinear())) continue;
            return shapes.TryGetValue(weight, out var shape)
                ? (table.WrittenNameOf(role, layer), role.IsNormScale() ? table.NormOffset : 0, shape)
                : null;
        }

        return null;
    }

    private static void ReadWeight(
        string path, TensorTable table, GptConfig config, string name, FileTensor tensor, AdapterPairs pairs,
        Dictionary<string, float[]> weights)
    {
        foreach (var entry in WeightNames.For(config))
        {
            if (PlaceOf(table, config, entry.Name) is not { } place || place.Name != name) continue;
            if (!tensor.Shape.SequenceEqual(entry.Shape.Select(size => (long)size)))
            {
                throw new InvalidDataException(
                    $"'{path}' contains {tensor}; the model's shape is ({string.Join(", ", entry.Shape)}).");
            }

            float[] elements = pairs.Elements(tensor);
            for (int i = 0; i < elements.Length; i++) elements[i] += place.Offset;
            weights[entry.Name] = elements;
            return;
        }

        throw new InvalidDataException(
            $"'{path}' contains {tensor}, which is neither a part of a LoRA adapter nor a weight that the model can have replaced.");
    }

    private static void WriteConfig(
        Utf8JsonWriter json, LoraAdapter adapter, string? baseModel, TensorTable table, IReadOnlyList<AdapterModule> all,
        ModuleAdapter[] adapted, List<ExportTensor> saved)
    {
        static double AlphaOf(ModuleAdapter each) => each.Scale * each.Rank;
        var usual = adapted.GroupBy(each => (each.Rank, Alpha: AlphaOf(each))).MaxBy(group => group.Count())?.Key ?? (1, 1);
        json.WriteStartObject("alpha_pattern");
        foreach (var (key, alpha) in Patterns(AlphaOf, usual.Item2)) WriteNumber(key, alpha);
        json.WriteEndObject();
        json.WriteNull("auto_mapping");
        json.WriteString("base_model_name_or_path", baseModel);
        json.WriteString("bias", "none");
        json.WriteBoolean("fan_in_fan_out", table.IsTransposed);
        json.WriteBoolean("inference_mode", true);
        json.WriteBoolean("init_lora_weights", true);
        json.WriteNull("layers_pattern");
        json.WriteNull("layers_to_transform");
        WriteNumber("lora_alpha", usual.Item2);
        WriteNumber("lora_dropout", adapter.Dropout);
        string[] modules = [.. saved.Select(tensor => tensor.Name[Prefix.Length..tensor.Name.LastIndexOf('.')]).Distinct()];
        if (modules.Length == 0) json.WriteNull("modules_to_save");
        else WriteNames("modules_to_save", modules);
        json.WriteString("peft_type", "LORA");
        json.WriteNumber("r", usual.Item1);
        json.WriteStartObject("rank_pattern");
        foreach (var (key, rank) in Patterns(each => each.Rank, usual.Item1)) WriteNumber(key, rank);
        json.WriteEndObject();
        json.WriteNull("revision");
        WriteNames("target_modules", [.. adapted.Select(each => Shortest(each, _ => true)).Distinct()]);
        json.WriteString("task_type", adapter.Config.ScoreCount is null ? "CAUSAL_LM" : "SEQ_CLS");
        json.WriteBoolean("use_dora", false);
        json.WriteBoolean("use_rslora", false); // the scale is in α

        void WriteNames(string property, string[] names)
        {
            json.WriteStartArray(property);
            foreach (string name in names) json.WriteStringValue(name);
            json.WriteEndArray();
        }

        void WriteNumber(string property, double number)
        {
            if (number == Math.Floor(number) && Math.Abs(number) < 1e15) json.WriteNumber(property, (long)number);
            else json.WriteNumber(property, number);
        }

        IEnumerable<(string Key, double Value)> Patterns(Func<ModuleAdapter, double> value, double usualValue) => adapted
            .Where(each => value(each) != usualValue)
            .Select(each => (Key: Shortest(each, other => value(other) == value(each)), Value: value(each))).DistinctBy(each => each.Key);

        // The end of a layer's name that no layer shares which is not adapted in the same way.
        string Shortest(ModuleAdapter each, Func<ModuleAdapter, bool> isSame)
        {
            string[] parts = each.Module.Name.Split('.');
            for (int count = 1; count < parts.Length && !char.IsAsciiDigit(parts[^count][0]); count++)
            {
                string end = string.Join('.', parts[^count..]);
                bool fits = all.Where(module => module.Name == end || module.Name.EndsWith($".{end}", StringComparison.Ordinal))
                    .All(module => Array.Exists(adapted, other => other.Module == module && isSame(other)));
                if (fits) return end;
            }

            return each.Module.Name;
        }
    }

    /// <summary>The settings of <c>adapter_config.json</c> that matter.</summary>
    private sealed record Settings(
        int Rank, double Alpha, bool IsRankStabilized, double Dropout, List<(Regex Key, double Value)> Ranks,
        List<(Regex Key, double Value)> Alphas)
    {
        public static Settings Read(JsonElement json)
        {
            string? type = json.Optional("peft_type")?.GetString();
            if (type != "LORA") throw new JsonException($"'peft_type' is '{type}'; only LORA is supported.");
            foreach (var property in json.EnumerateObject())
            {
                bool isOn = property.Value.ValueKind == JsonValueKind.True;
                bool isVariant = property.Name.StartsWith("use_", StringComparison.Ordinal) && property.Name != "use_rslora";
                if (isOn && (isVariant || property.Name == "lora_bias"))
                {
                    throw new JsonException($"'{property.Name}' is true, a variant of LoRA that is not supported.");
                }

                string[] refused = ["layer_replication", "alora_invocation_tokens", "target_parameters", "trainable_token_indices"];
                if (refused.Contains(property.Name) && property.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
                {
                    throw new JsonException($"'{property.Name}' is {Short(property.Value)}, which is not supported.");
                }
            }

            if (json.Optional("bias") is { } bias && bias.GetString() != "none")
            {
                throw new JsonException($"'bias' is {Short(bias)}; only \"none\" is supported.");
            }

            if (json.Optional("init_lora_weights") is { ValueKind: JsonValueKind.String } initialization
                && Array.Exists(ChangedBases, name => initialization.GetString()!.StartsWith(name, StringComparison.OrdinalIgnoreCase)))
            {
                throw new JsonException(
                    $"'init_lora_weights' is {Short(initialization)}, which changes the base model; convert the adapter to LoRA first.");
            }

            int rank = json.Integer("r");
            double alpha = json.Number("lora_alpha");
            double dropout = json.Optional("lora_dropout") is null ? 0 : json.Number("lora_dropout");
            if (rank is < 1 or > LoraOptions.MaximumRank * 3) throw new JsonException($"'r' is {rank}.");
            if (!double.IsFinite(alpha)) throw new JsonException("'lora_alpha' is not finite.");
            if (dropout is not (>= 0 and < 1)) throw new JsonException($"'lora_dropout' is {Short(json.Optional("lora_dropout")!.Value)}.");
            bool isStabilized = json.Optional("use_rslora")?.GetBoolean() ?? false;
            return new(rank, alpha, isStabilized, dropout, Patterns(json, "rank_pattern"), Patterns(json, "alpha_pattern"));
        }

        /// <summary>Returns the scale of a layer's adapter.</summary>
        /// <exception cref="InvalidDataException">The rank is not the one that the settings give.</exception>
        public double ScaleOf(string path, string module, int rank)
        {
            double expected = Find(Ranks, module) ?? Rank;
            if (rank != expected)
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture, $"'{path}' gives '{module}' the rank {expected}, but its adapter has rank {rank}."));
            }

            double alpha = Find(Alphas, module) ?? Alpha;
            return IsRankStabilized ? alpha / Math.Sqrt(rank) : alpha / rank;
        }

        private static double? Find(List<(Regex Key, double Value)> patterns, string module)
        {
            foreach (var (key, value) in patterns)
            {
                if (key.IsMatch(module)) return value;
            }

            return null;
        }

        private static List<(Regex Key, double Value)> Patterns(JsonElement json, string name)
        {
            var patterns = new List<(Regex Key, double Value)>();
            if (json.Optional(name) is not { } map) return patterns;
            foreach (var property in map.EnumerateObject())
            {
                double value = map.Number(property.Name);
                if (!double.IsFinite(value)) throw new JsonException($"'{name}' of '{property.Name}' is not finite.");
                try
                {
                    var options = RegexOptions.CultureInvariant | RegexOptions.NonBacktracking;
                    patterns.Add((new Regex($@"^(.*\.)?({property.Name})$", options), value));
                }
                catch (Exception error) when (error is ArgumentException or NotSupportedException)
                {
                    throw new JsonException($"'{name}' has '{property.Name}', which is not a supported pattern: {error.Message}", error);
                }
            }

            return patterns;
        }

        private static string Short(JsonElement value)
        {
            string text = value.GetRawText();
            return text.Length > 40 ? text[..40] + "…" : text;
        }
    }
}
