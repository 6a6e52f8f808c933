using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNetGpt.Output;

/// <summary>A model in memory, as cmdlets hand it on.</summary>
public sealed class LanguageModel
{
    internal LanguageModel(string name, GptModel engine) => (Name, Engine) = (name, engine);

    /// <summary>What it is called: the preset or the file that it came from.</summary>
    public string Name { get; }

    /// <summary>Its sizes.</summary>
    public GptConfig Config => Engine.Config;

    internal GptModel Engine { get; }

    internal ITextTokenizer Tokenizer => Engine.Tokenizer;
}
