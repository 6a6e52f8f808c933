namespace MLNet.Gpt.Configuration;

/// <summary>The published decoders whose parts a configuration can have.</summary>
internal enum GptFamily
{
    Gpt2,
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    Gemma2,
    Gemma3,
}
