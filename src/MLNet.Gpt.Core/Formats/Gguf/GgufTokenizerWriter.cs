using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>Writes a tokenizer's keys: those of byte-level BPE, or that there is none.</summary>
internal static class GgufTokenizerWriter
{
    private const int Normal = 1, Control = 3, Unused = 5; // of llama.cpp's token types

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

        // A token for each row of the embedding: what the tokenizer lacks is padded as llama.cpp's converter does, and
        // what it has beyond is left out.
        int size = config.VocabularySize, known = Math.Min(size, vocabulary.Tokens.Count);
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => id < known ? vocabulary.Tokens[id] : FittedTokenizer.NameOf(id))];
        int[] types = new int[size];
        types.AsSpan(0, known).Fill(Normal);
        types.AsSpan(known).Fill(Unused);
        foreach (int id in vocabulary.SpecialIds.Where(id => id < size)) types[id] = Control;

        header.Add("tokenizer.ggml.model", "gpt2");
        header.Add("tokenizer.ggml.pre", "gpt-2");
        header.Add("tokenizer.ggml.tokens", tokens);
        header.Add("tokenizer.ggml.token_type", types);
        header.Add("tokenizer.ggml.merges", [.. vocabulary.MergeLines]);
        if (tokenizer.BeginningOfTextId is { } beginning) header.Add("tokenizer.ggml.bos_token_id", (uint)beginning);
        if (tokenizer.EndOfTextId is { } end) header.Add("tokenizer.ggml.eos_token_id", (uint)end);
        if (vocabulary.UnknownId is { } unknown && unknown < size) header.Add("tokenizer.ggml.unknown_token_id", (uint)unknown);
        header.Add("tokenizer.ggml.add_bos_token", false);
    }
}
