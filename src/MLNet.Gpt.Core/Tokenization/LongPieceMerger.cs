using System.Buffers;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// Byte-pair encoding of pieces of thousands of characters, where ML.NET's takes time with their square, in time n log
/// n: starts from single bytes and, as long as any two neighbours together are a token, merges the pair of the lowest
/// rank, the leftmost among equals.
/// </summary>
/// <remarks>
/// Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), on bytes as in GPT-2.
/// </remarks>
internal static class LongPieceMerger
{
    private const int NoRank = int.MaxValue;

    /// <summary>Adds the ids of a piece.</summary>
    public static void Encode(Gpt2Vocabulary vocabulary, ReadOnlySpan<char> piece, ref IdBuffer ids)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        Encode(vocabulary, rented.AsSpan(0, Encoding.UTF8.GetBytes(piece, rented)), ref ids);
        ArrayPool<byte>.Shared.Return(rented);
    }

    private static void Encode(Gpt2Vocabulary vocabulary, ReadOnlySpan<byte> piece, ref IdBuffer ids)
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
