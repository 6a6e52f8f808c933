using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;

namespace MLNetGpt.Output;

/// <summary>What a model is made of.</summary>
public sealed class GptModelInfo
{
    internal GptModelInfo(string name, string format, string? source, GptConfig config, double bytesPerParameter)
    {
        (Name, Format, Source, Config) = (name, format, source, config);
        Part = [.. WeightNames.For(config)
            .GroupBy(entry => PartOf(entry.Name))
            .Select(group => new GptModelPart(group.Key, group.Sum(entry => entry.ElementCount), bytesPerParameter))];
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>The format of its file, or how its weights were drawn.</summary>
    public string Format { get; }

    /// <summary>Its file, or <see langword="null"/>.</summary>
    public string? Source { get; }

    /// <summary>Its sizes and switches.</summary>
    public GptConfig Config { get; }

    /// <summary>Number of token ids, V.</summary>
    public int VocabularySize => Config.VocabularySize;

    /// <summary>Most tokens that it sees at once, T.</summary>
    public int ContextLength => Config.ContextLength;

    /// <summary>Width of the embeddings, C.</summary>
    public int EmbeddingWidth => Config.EmbeddingWidth;

    /// <summary>Attention heads per layer.</summary>
    public int HeadCount => Config.HeadCount;

    /// <summary>Transformer blocks.</summary>
    public int LayerCount => Config.LayerCount;

    /// <summary>Trainable parameters; those of a tied head count once.</summary>
    public long ParameterCount => Config.ParameterCount;

    /// <summary>Bytes of the weights.</summary>
    public long Bytes => Part.Sum(part => part.Bytes);

    /// <summary>Parameters and bytes by part.</summary>
    public GptModelPart[] Part { get; }

    private static string PartOf(string weight) => weight switch
    {
        WeightNames.TokenEmbedding => "Token embedding",
        WeightNames.PositionEmbedding => "Position embedding",
        WeightNames.Head => "Output head",
        _ when weight.Contains(".att.", StringComparison.Ordinal) => "Attention",
        _ when weight.Contains(".ff.", StringComparison.Ordinal) => "Feed-forward",
        _ => "Layer norms",
    };
}
