using System.Text;
using System.Text.Json;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>
/// A configuration as JSON. The properties that describe GPT-2 are always written, and none of them may be missing, so that a
/// changed default cannot change an old model. Those of other decoders are written where they differ from GPT-2's; unknown
/// ones are an error. Written by hand, because compiling the serializer's code takes longer than reading GPT-2's other
/// metadata.
/// </summary>
internal static class GptConfigJson
{
    /// <summary>Its key in the metadata of our files.</summary>
    public const string MetadataKey = "mlnet_gpt.config";

    private const string VocabularySize = "vocabularySize";
    private const string ContextLength = "contextLength";
    private const string EmbeddingWidth = "embeddingWidth";
    private const string HeadCount = "headCount";
    private const string LayerCount = "layerCount";
    private const string DropoutRate = "dropoutRate";
    private const string HasQkvBias = "hasQkvBias";
    private const string HasTiedHead = "hasTiedHead";

    private const string ScoreCount = "scoreCount";
    private const string KeyValueHeadCount = "keyValueHeadCount";
    private const string HeadSize = "headSize";
    private const string FeedForwardWidth = "feedForwardWidth";
    private const string HasBias = "hasBias";
    private const string HasFeedForwardBias = "hasFeedForwardBias";
    private const string Norm = "normalization";
    private const string NormEpsilon = "normEpsilon";
    private const string HasPostNorms = "hasPostNorms";
    private const string HasQueryKeyNorm = "hasQueryKeyNorm";
    private const string AttentionScale = "attentionScale";
    private const string AttentionSoftCap = "attentionSoftCap";
    private const string LogitSoftCap = "logitSoftCap";
    private const string SlidingWindow = "slidingWindow";
    private const string FirstSlidingLayer = "firstSlidingLayer";
    private const string GlobalLayerInterval = "globalLayerInterval";
    private const string FeedForward = "feedForward";
    private const string HasScaledEmbedding = "hasScaledEmbedding";
    private const string Rotary = "rotary";
    private const string Base = "base";
    private const string SlidingBase = "slidingBase";
    private const string LinearFactor = "linearFactor";
    private const string Llama3 = "llama3";
    private const string Factor = "factor";
    private const string LowFrequencyFactor = "lowFrequencyFactor";
    private const string HighFrequencyFactor = "highFrequencyFactor";
    private const string OriginalContextLength = "originalContextLength";

    private static readonly string[] Names =
        [VocabularySize, ContextLength, EmbeddingWidth, HeadCount, LayerCount, DropoutRate, HasQkvBias, HasTiedHead];

    private static readonly string[] OtherNames = [
        KeyValueHeadCount, HeadSize, FeedForwardWidth, HasBias, HasFeedForwardBias, Norm, NormEpsilon, HasPostNorms, HasQueryKeyNorm,
        AttentionScale, AttentionSoftCap, LogitSoftCap, SlidingWindow, FirstSlidingLayer, GlobalLayerInterval, FeedForward,
        HasScaledEmbedding, Rotary, ScoreCount
    ];

    public static string Write(GptConfig config)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber(VocabularySize, config.VocabularySize);
            json.WriteNumber(ContextLength, config.ContextLength);
            json.WriteNumber(EmbeddingWidth, config.EmbeddingWidth);
            json.WriteNumber(HeadCount, config.HeadCount);
            json.WriteNumber(LayerCount, config.LayerCount);
            json.WriteNumber(DropoutRate, config.DropoutRate);
            json.WriteBoolean(HasQkvBias, config.HasQkvBias);
            json.WriteBoolean(HasTiedHead, config.HasTiedHead);
            WriteOthers(json, config);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <exception cref="InvalidDataException">
    /// The JSON is not a valid configuration; the message names the file.
    /// </exception>
    public static GptConfig Read(string file, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var root = document.RootElement;
            foreach (string name in Names)
            {
                if (!root.TryGetProperty(name, out _)) throw new JsonException($"It lacks '{name}'.");
            }

            CheckNames(root, [.. Names, .. OtherNames]);
            var config = new GptConfig
            {
                VocabularySize = root.Integer(VocabularySize),
                ContextLength = root.Integer(ContextLength),
                EmbeddingWidth = root.Integer(EmbeddingWidth),
                HeadCount = root.Integer(HeadCount),
                LayerCount = root.Integer(LayerCount),
                DropoutRate = root.GetProperty(DropoutRate).GetDouble(),
                HasQkvBias = root.GetProperty(HasQkvBias).GetBoolean(),
                HasTiedHead = root.GetProperty(HasTiedHead).GetBoolean(),
            };
            return ReadOthers(root, config).Validated();
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' does not contain a valid model configuration: {error.Message}", error);
        }
    }

    private static void WriteOthers(Utf8JsonWriter json, GptConfig config)
    {
        var gpt2 = new GptConfig { EmbeddingWidth = config.EmbeddingWidth, HeadCount = config.HeadCount };
        if (config.ScoreCount is { } scores) json.WriteNumber(ScoreCount, scores);
        if (config.KeyValueHeadCount != gpt2.KeyValueHeadCount) json.WriteNumber(KeyValueHeadCount, config.KeyValueHeadCount);
        if (config.QueryWidth != config.EmbeddingWidth) json.WriteNumber(HeadSize, config.HeadSize);
        if (config.FeedForwardWidth != gpt2.FeedForwardWidth) json.WriteNumber(FeedForwardWidth, config.FeedForwardWidth);
        if (!config.HasBias) json.WriteBoolean(HasBias, false);
        if (config.HasFeedForwardBias != config.HasBias) json.WriteBoolean(HasFeedForwardBias, config.HasFeedForwardBias);
        if (config.Normalization != gpt2.Normalization) json.WriteString(Norm, config.Normalization.ToString());
        if (config.NormEpsilon != gpt2.NormEpsilon) json.WriteNumber(NormEpsilon, config.NormEpsilon);
        if (config.HasPostNorms) json.WriteBoolean(HasPostNorms, true);
        if (config.HasQueryKeyNorm) json.WriteBoolean(HasQueryKeyNorm, true);
        if (config.AttentionScale != 1 / Math.Sqrt(config.HeadSize)) json.WriteNumber(AttentionScale, config.AttentionScale);
        if (config.AttentionSoftCap is { } scoreCap) json.WriteNumber(AttentionSoftCap, scoreCap);
        if (config.LogitSoftCap is { } logitCap) json.WriteNumber(LogitSoftCap, logitCap);
        if (config.SlidingWindow is { } window) json.WriteNumber(SlidingWindow, window);
        if (config.FirstSlidingLayer != 0) json.WriteNumber(FirstSlidingLayer, config.FirstSlidingLayer);
        if (config.GlobalLayerInterval != 0) json.WriteNumber(GlobalLayerInterval, config.GlobalLayerInterval);
        if (config.FeedForward != gpt2.FeedForward) json.WriteString(FeedForward, config.FeedForward.ToString());
        if (config.HasScaledEmbedding) json.WriteBoolean(HasScaledEmbedding, true);
        if (config.Rotary is not { } rotary) return;

        json.WriteStartObject(Rotary);
        json.WriteNumber(Base, rotary.Base);
        if (rotary.SlidingBase is { } slidingBase) json.WriteNumber(SlidingBase, slidingBase);
        json.WriteNumber(LinearFactor, rotary.LinearFactor);
        if (rotary.Llama3 is { } scaling)
        {
            json.WriteStartObject(Llama3);
            json.WriteNumber(Factor, scaling.Factor);
            json.WriteNumber(LowFrequencyFactor, scaling.LowFrequencyFactor);
            json.WriteNumber(HighFrequencyFactor, scaling.HighFrequencyFactor);
            json.WriteNumber(OriginalContextLength, scaling.OriginalContextLength);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static GptConfig ReadOthers(JsonElement root, GptConfig config)
    {
        foreach (var property in root.EnumerateObject())
        {
            var value = property.Value;
            config = property.Name switch
            {
                ScoreCount => config with { ScoreCount = value.GetInt32() },
                KeyValueHeadCount => config with { KeyValueHeadCount = value.GetInt32() },
                HeadSize => config with { HeadSize = value.GetInt32() },
                FeedForwardWidth => config with { FeedForwardWidth = value.GetInt32() },
                HasBias => config with { HasBias = value.GetBoolean() },
                HasFeedForwardBias => config with { HasFeedForwardBias = value.GetBoolean() },
                Norm => config with { Normalization = Enum<Normalization>(value) },
                NormEpsilon => config with { NormEpsilon = value.GetSingle() },
                HasPostNorms => config with { HasPostNorms = value.GetBoolean() },
                HasQueryKeyNorm => config with { HasQueryKeyNorm = value.GetBoolean() },
                AttentionScale => config with { AttentionScale = value.GetDouble() },
                AttentionSoftCap => config with { AttentionSoftCap = value.GetDouble() },
                LogitSoftCap => config with { LogitSoftCap = value.GetDouble() },
                SlidingWindow => config with { SlidingWindow = value.GetInt32() },
                FirstSlidingLayer => config with { FirstSlidingLayer = value.GetInt32() },
                GlobalLayerInterval => config with { GlobalLayerInterval = value.GetInt32() },
                FeedForward => config with { FeedForward = Enum<FeedForwardKind>(value) },
                HasScaledEmbedding => config with { HasScaledEmbedding = value.GetBoolean() },
                Rotary => config with { Rotary = ReadRotary(value) },
                _ => config,
            };
        }

        return config;
    }

    private static RotaryEncoding ReadRotary(JsonElement rotary)
    {
        CheckNames(rotary, [Base, SlidingBase, LinearFactor, Llama3]);
        return new()
        {
            Base = rotary.GetProperty(Base).GetDouble(),
            SlidingBase = rotary.Optional(SlidingBase)?.GetDouble(),
            LinearFactor = rotary.GetProperty(LinearFactor).GetDouble(),
            Llama3 = rotary.Optional(Llama3) is { } scaling ? ReadScaling(scaling) : null,
        };
    }

    private static Llama3Scaling ReadScaling(JsonElement scaling)
    {
        CheckNames(scaling, [Factor, LowFrequencyFactor, HighFrequencyFactor, OriginalContextLength]);
        return new()
        {
            Factor = scaling.GetProperty(Factor).GetDouble(),
            LowFrequencyFactor = scaling.GetProperty(LowFrequencyFactor).GetDouble(),
            HighFrequencyFactor = scaling.GetProperty(HighFrequencyFactor).GetDouble(),
            OriginalContextLength = scaling.Integer(OriginalContextLength),
        };
    }

    private static void CheckNames(JsonElement parent, ReadOnlySpan<string> names)
    {
        foreach (var property in parent.EnumerateObject())
        {
            if (!names.Contains(property.Name)) throw new JsonException($"It has the unknown property '{property.Name}'.");
        }
    }

    // By name only: Enum.Parse would also take numbers and lists.
    private static T Enum<T>(JsonElement value)
        where T : struct, Enum => System.Enum.GetNames<T>().Contains(value.GetString())
            ? System.Enum.Parse<T>(value.GetString()!)
            : throw new JsonException($"It has {value.GetRawText()}, which is none of {string.Join(", ", System.Enum.GetNames<T>())}.");
}
