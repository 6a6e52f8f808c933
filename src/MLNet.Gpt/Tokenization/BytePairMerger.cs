using System.Buffers;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// Byte-pair encoding of one piece: starts from single bytes and, as long as any two neighbours together are a token,
/// merges the pair of the lowest rank, the leftmost among equals.
/// </summary>
/// <remarks>Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), on bytes as in GPT-2.</remarks>
internal static class BytePairMerger
{
    /// <summary>Up to this length a search through all pairs beats keeping a heap of them.</summary>
    public const int ShortPiece = 96;

    private const int NoRank = int.MaxValue;

    /// <summary>Adds the ids of a piece that is not a token itself.</summary>
    public static void Encode(Gpt2Vocabulary vocabulary, ReadOnlySpan<byte> piece, ref IdBuffer ids)
    {
        if (piece.Length <= ShortPiece) EncodeShort(vocabulary, piece, ref ids);
        else EncodeLong(vocabulary, piece, ref ids);
    }

    /// <summary>Time grows with the square of the length; no allocation.</summary>
    internal static void EncodeShort(Gpt2Vocabulary vocabulary, ReadOnlySpan<byte> piece, ref IdBuffer ids)
    {
        // Part i reaches from starts[i] to starts[i + 1]; ranks[i] is that of parts i and i + 1 together.
        Span<int> starts = stackalloc int[ShortPiece + 1];
        Span<int> ranks = stackalloc int[ShortPiece + 1];
        int count = piece.Length;
        for (int i = 0; i <= count; i++) starts[i] = i;
        for (int i = 0; i < count; i++) ranks[i] = i + 2 <= count ? Rank(vocabulary, piece[i..(i + 2)]) : NoRank;

        while (true)
        {
            int best = 0;
            for (int i = 1; i < count; i++)
            {
                if (ranks[i] < ranks[best]) best = i;
            }

            if (ranks[best] == NoRank) break;

            // Part best + 1 disappears into part best.
            starts[(best + 2)..(count + 1)].CopyTo(starts[(best + 1)..]);
            ranks[(best + 1)..count].CopyTo(ranks[best..]);
            count--;
            if (best > 0) ranks[best - 1] = Rank(vocabulary, piece[starts[best - 1]..starts[best + 1]]);
            ranks[best] = best + 1 < count ? Rank(vocabulary, piece[starts[best]..starts[best + 2]]) : NoRank;
        }

        for (int i = 0; i < count; i++) ids.Add(vocabulary.Find(piece[starts[i]..starts[i + 1]]));
    }

    /// <summary>Time grows with n log n, however long the piece.</summary>
    internal static void EncodeLong(Gpt2Vocabulary vocabulary, ReadOnlySpan<byte> piece, ref IdBuffer ids)
    {
        int length = piece.Length;
        int[] ends = ArrayPool<int>.Shared.Rent(length); // by the start of a part: where it ends
        int[] previous = ArrayPool<int>.Shared.Rent(length + 1); // by the start of a part: where the one before it starts
        int[] ranks = ArrayPool<int>.Shared.Rent(length); // by the start of a part: the rank together with the next one
        for (int i = 0; i < length; i++)
        {
            ends[i] = i + 1;
            previous[i] = i - 1;
        }

        // Starts of pairs, the lowest rank first and the leftmost among equals.
        var pairs = new PriorityQueue<int, long>(length);
        for (int i = 0; i < length; i++) Consider(i, piece, ends, ranks);

        while (pairs.TryDequeue(out int start, out long priority))
        {
            if (ranks[start] != priority >> 32) continue; // a pair that has changed since
            int absorbed = ends[start], end = ends[absorbed];
            ends[start] = end;
            ranks[absorbed] = NoRank;
            if (end < length) previous[end] = start;
            Consider(start, piece, ends, ranks);
            if (start > 0) Consider(previous[start], piece, ends, ranks);
        }

        for (int start = 0; start < length; start = ends[start]) ids.Add(vocabulary.Find(piece[start..ends[start]]));
        ArrayPool<int>.Shared.Return(ends);
        ArrayPool<int>.Shared.Return(previous);
        ArrayPool<int>.Shared.Return(ranks);

        void Consider(int start, ReadOnlySpan<byte> piece, int[] ends, int[] ranks)
        {
            int middle = ends[start];
            ranks[start] = middle < length ? Rank(vocabulary, piece[start..ends[middle]]) : NoRank;
            if (ranks[start] != NoRank) pairs.Enqueue(start, ((long)ranks[start] << 32) | (uint)start);
        }
    }

    private static int Rank(Gpt2Vocabulary vocabulary, ReadOnlySpan<byte> bytes) => vocabulary.Find(bytes) is >= 0 and int id ? id : NoRank;
}
