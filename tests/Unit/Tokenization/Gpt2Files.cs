using System.Text.Json.Nodes;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

/// <summary>
/// GPT-2's vocabulary and merges in the form of OpenAI's <c>encoder.json</c> and <c>vocab.bpe</c>, derived from the
/// tokens alone.
/// </summary>
internal static class Gpt2Files
{
    private static readonly Lazy<string[]> LazyMerges = new(() => [.. Enumerable.Range(256, 50_000).Select(Merge)]);

    public static JsonObject Vocabulary { get; } = new(
        Enumerable.Range(0, 50_257).Select(id => KeyValuePair.Create(Spelling(id), (JsonNode?)id)));

    /// <summary>Each merge as two spellings separated by a space.</summary>
    public static string[] Merges => LazyMerges.Value;

    private static string Spelling(int id) => ByteAlphabet.Write(Gpt2Tokenizer.Instance.TokenBytes(id).Span);

    // The parts of a token are what remains after merging its bytes with the preceding tokens.
    private static string Merge(int id)
    {
        byte[] token = Gpt2Tokenizer.Instance.TokenBytes(id).ToArray();
        List<byte[]> parts = [.. token.Select(value => (byte[])[value])];
        while (parts.Count > 2)
        {
            int best = id, at = -1;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                int rank = Gpt2Vocabulary.Shared.Find([.. parts[i], .. parts[i + 1]]);
                if (rank >= 0 && rank < best) (best, at) = (rank, i);
            }

            parts[at] = [.. parts[at], .. parts[at + 1]];
            parts.RemoveAt(at + 1);
        }

        return $"{ByteAlphabet.Write(parts[0])} {ByteAlphabet.Write(parts[1])}";
    }
}
