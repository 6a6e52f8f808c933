using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Checkpoints.HuggingFace;

/// <summary>GPT-2's vocabulary as its release spells it: tokens in the byte-level alphabet, and the merges that make them.</summary>
/// <remarks>Source of the alphabet: <c>bytes_to_unicode</c> in OpenAI's gpt-2 repository, <c>src/encoder.py</c>.</remarks>
internal static class Gpt2VocabularyExporter
{
    private const int ByteTokens = 256;

    private static readonly Lazy<IReadOnlyList<string>> LazyTokens = new(() => [.. Enumerable.Range(0, Gpt2Vocabulary.Size).Select(Spell)]);
    private static readonly Lazy<IReadOnlyList<(int Left, int Right)>> LazyMerges = new(() =>
        [.. Enumerable.Range(ByteTokens, Gpt2Vocabulary.EndOfTextId - ByteTokens).Select(id => MergeOf(Gpt2Vocabulary.Shared[id], id))]);

    /// <summary>The tokens by id, the end of text last.</summary>
    public static IReadOnlyList<string> Tokens => LazyTokens.Value;

    /// <summary>For each token but single bytes and the end of text, in the order of the ids, the two tokens that it is merged from.</summary>
    public static IReadOnlyList<(int Left, int Right)> Merges => LazyMerges.Value;

    /// <summary>The merges as lines of <c>merges.txt</c> have them: two tokens with a blank between.</summary>
    public static IEnumerable<string> MergeLines => Merges.Select(merge => $"{Tokens[merge.Left]} {Tokens[merge.Right]}");

    private static string Spell(int id) => id == Gpt2Vocabulary.EndOfTextId
        ? Gpt2Vocabulary.EndOfText
        : string.Create(Gpt2Vocabulary.Shared[id].Length, id, (letters, token) =>
        {
            var bytes = Gpt2Vocabulary.Shared[token];
            for (int i = 0; i < letters.Length; i++) letters[i] = ByteLetters.Of(bytes[i]);
        });

    // What merging with all earlier tokens leaves of a token are the two that its own merge joins: an id is a rank.
    private static (int Left, int Right) MergeOf(ReadOnlySpan<byte> token, int id)
    {
        Span<int> starts = stackalloc int[token.Length + 1];
        for (int i = 0; i < starts.Length; i++) starts[i] = i;
        int parts = token.Length;
        while (parts > 2)
        {
            int best = id, at = -1;
            for (int i = 0; i + 2 <= parts; i++)
            {
                int rank = Gpt2Vocabulary.Shared.Find(token[starts[i]..starts[i + 2]]);
                if (rank >= 0 && rank < best) (best, at) = (rank, i);
            }

            if (at < 0) throw new InvalidOperationException($"No merge leads to token {id} of GPT-2's vocabulary.");
            starts[(at + 2)..(parts + 1)].CopyTo(starts[(at + 1)..]);
            parts--;
        }

        return (Gpt2Vocabulary.Shared.Find(token[..starts[1]]), Gpt2Vocabulary.Shared.Find(token[starts[1]..]));
    }
}
