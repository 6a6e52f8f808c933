
namespace MLNet.Gpt.Tokenization;

/// <summary>The merges that produce GPT-2's tokens, derived from the tokens, because an id is a rank.</summary>
internal static class Gpt2Merges
{
    private const int ByteTokens = 256;

    private static readonly Lazy<IReadOnlyList<(int Left, int Right)>> Lazy = new(() =>
        [.. Enumerable.Range(ByteTokens, Gpt2Vocabulary.EndOfTextId - ByteTokens).Select(id => MergeOf(Gpt2Vocabulary.Shared[id], id))]);

    /// <summary>
    /// For each token except single bytes and the end of text, in the order of the ids, the two tokens that it is
    /// merged from.
    /// </summary>
    public static IReadOnlyList<(int Left, int Right)> All => Lazy.Value;

    // Merging a token's bytes with all earlier tokens leaves the two tokens that its own merge joins.
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
