using MLNet.Gpt.Checkpoints.Exporting;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints.Gguf;

/// <summary>Writes a tokenizer's keys: those of byte-level BPE, or that there is none.</summary>
internal static class GgufTokenizerWriter
{
    private const int Normal = 1, Control = 3; // of llama.cpp's token types

    /// <exception cref="ArgumentException">The tokenizer is of a kind that GGUF has no place for.</exception>
    public static void Write(GgufHeaderWriter header, ITextTokenizer? tokenizer, GptConfig config)
    {
        if (tokenizer is null) // ids in, ids out
        {
            header.Add("gpt2.vocab_size", (uint)config.VocabularySize);
            header.Add("tokenizer.ggml.model", "none");
            return;
        }

        var vocabulary = SpelledVocabulary.Of(tokenizer) ?? throw new ArgumentException(
            $"GGUF has no place for a tokenizer of type {tokenizer.GetType()}, only for {nameof(Gpt2Tokenizer)} and {nameof(BytePairTokenizer)}; without one the model works on token ids.",
            nameof(tokenizer));
        int[] types = new int[vocabulary.Tokens.Count];
        types.AsSpan().Fill(Normal);
        foreach (int id in vocabulary.SpecialIds) types[id] = Control;

        header.Add("tokenizer.ggml.model", "gpt2");
        header.Add("tokenizer.ggml.pre", "gpt-2");
        header.Add("tokenizer.ggml.tokens", vocabulary.Tokens);
        header.Add("tokenizer.ggml.token_type", types);
        header.Add("tokenizer.ggml.merges", [.. vocabulary.MergeLines]);
        if (vocabulary.EndOfTextId is { } end)
        {
            header.Add("tokenizer.ggml.bos_token_id", (uint)end);
            header.Add("tokenizer.ggml.eos_token_id", (uint)end);
        }

        if (vocabulary.UnknownId is { } unknown) header.Add("tokenizer.ggml.unknown_token_id", (uint)unknown);
        header.Add("tokenizer.ggml.add_bos_token", false);
    }
}
