using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>What a model is made of.</summary>
public sealed class GptModelInfo
{
    internal GptModelInfo(string name, GptModelFileInfo file)
    {
        (Name, Format, DataType, Source, Config) = (name, file.Format, file.DataType, file.Path, file.Config);
        Part = [.. file.Parts];
    }

    internal GptModelInfo(LanguageModel model)
    {
        (Label, Adapter) = (model.Label, model.Adapter);
        (Name, Format, DataType, Source, Config) = (model.Name, model.Format, model.Precision.ToString(), model.Source, model.Config);
        double bytesPerParameter = (double)model.WeightBytes / model.ParameterCount;
        Part = [.. GptModelPart.Of(WeightNames.For(Config), entry => (long)(entry.ElementCount * bytesPerParameter))];
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>The format of its file, or how its weights were drawn.</summary>
    public string Format { get; }

    /// <summary>
    /// How its weights are stored: in a file F32, F16, BF16, Q8_0 or several of these, in memory the precision.
    /// </summary>
    public string DataType { get; }

    /// <summary>Its file or folder, or <see langword="null"/>.</summary>
    public string? Source { get; }

    /// <summary>The adapters of a model in memory.</summary>
    public LoraAdapter[] Adapter { get; } = [];

    /// <summary>The names of the classes of a classifier; empty for a model that predicts tokens.</summary>
    public string[] Label { get; } = [];

    /// <summary>Its sizes and switches.</summary>
    public GptConfig Config { get; }

    /// <summary>
    /// The family of decoders, as Hugging Face calls it, such as gpt2 or llama; <see langword="null"/> for a combination of
    /// parts that no family has.
    /// </summary>
    public string? Architecture => Config.Architecture;

    /// <summary>Number of token ids, V.</summary>
    public int VocabularySize => Config.VocabularySize;

    /// <summary>Most tokens that it sees at once, T.</summary>
    public int ContextLength => Config.ContextLength;

    /// <summary>Width of the embeddings, C.</summary>
    public int EmbeddingWidth => Config.EmbeddingWidth;

    /// <summary>Attention heads per layer.</summary>
    public int HeadCount => Config.HeadCount;

    /// <summary>Heads of keys and values per layer.</summary>
    public int KeyValueHeadCount => Config.KeyValueHeadCount;

    /// <summary>Transformer blocks.</summary>
    public int LayerCount => Config.LayerCount;

    /// <summary>Trainable parameters; those of a tied head count once.</summary>
    public long ParameterCount => Config.ParameterCount;

    /// <summary>Bytes of the weights.</summary>
    public long Bytes => Part.Sum(part => part.Bytes);

    /// <summary>Parameters and bytes by part.</summary>
    public GptModelPart[] Part { get; }
}
