namespace MLNet.Gpt.Checkpoints.Importing;

/// <summary>A head that is written although it is tied to the token embedding.</summary>
internal static class TiedHead
{
    private const int ChunkLength = 1 << 16;

    /// <summary>Makes sure that the head is the token embedding once more.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static void Check(string path, FileTensor embedding, FileTensor head)
    {
        if (!head.Shape.SequenceEqual(embedding.Shape) || head.Elements is null || !AreEqual(embedding, head))
        {
            throw new InvalidDataException($"'{path}' ties the output head to the token embedding, but holds {head} that differs from {embedding}.");
        }
    }

    private static bool AreEqual(FileTensor embedding, FileTensor head)
    {
        if (head.Identity is not null && head.Identity.Equals(embedding.Identity)) return true;
        long count = embedding.Shape[0] * embedding.Shape[1];
        float[] left = new float[Math.Min(ChunkLength, count)], right = new float[left.Length];
        for (long start = 0; start < count; start += ChunkLength)
        {
            int length = (int)Math.Min(ChunkLength, count - start);
            embedding.Elements!.Read(start, left.AsSpan(0, length));
            head.Elements!.Read(start, right.AsSpan(0, length));
            if (!left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length))) return false;
        }

        return true;
    }
}
