using MLNet.Gpt.Checkpoints.HuggingFace;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints.Gguf;

/// <summary>Writes a tokenizer's keys: those of GPT-2's, or that there is none.</summary>
internal static class GgufTokenizerWriter
{
    private const int Normal = 1, Control = 3; // of llama.cpp's token types

    /// <exception cref="ArgumentException">The tokenizer is of a kind that GGUF has no place for.</exception>
    public static void Write(GgufHeaderWriter header, ITextTokenizer? tokenizer, GptConfig config)
    {
        switch (tokenizer)
        {
            case null: // ids in, ids out
                header.Add("gpt2.vocab_size", (uint)config.VocabularySize);
                header.Add("tokenizer.ggml.model", "none");
                break;
            case Gpt2Tokenizer:
                header.Add("tokenizer.ggml.model", "gpt2");
                header.Add("tokenizer.ggml.pre", "gpt-2");
                header.Add("tokenizer.ggml.tokens", Gpt2VocabularyExporter.Tokens);
                header.Add("tokenizer.ggml.token_type", [.. Enumerable.Range(0, Gpt2Vocabulary.Size).Select(id => id == Gpt2Vocabulary.EndOfTextId ? Control : Normal)]);
                header.Add("tokenizer.ggml.merges", [.. Gpt2VocabularyExporter.MergeLines]);
                header.Add("tokenizer.ggml.bos_token_id", Gpt2Vocabulary.EndOfTextId);
                header.Add("tokenizer.ggml.eos_token_id", Gpt2Vocabulary.EndOfTextId);
                header.Add("tokenizer.ggml.add_bos_token", false);
                break;
            default:
                throw new ArgumentException(
                    $"GGUF has no place for a tokenizer of type {tokenizer.GetType()}, only for {nameof(Gpt2Tokenizer)}; without one the model works on token ids.", nameof(tokenizer));
        }
    }
}
