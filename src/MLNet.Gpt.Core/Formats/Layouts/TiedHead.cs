using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>A head that is written although the configuration ties it to the token embedding.</summary>
internal static class TiedHead
{
    private const int ChunkLength = 1 << 16;

    /// <summary>
    /// Returns the configuration of the head that is used: the token embedding where it is stored once more, or another
    /// one where that is wanted.
    /// </summary>
    /// <param name="path">For messages.</param>
    /// <param name="config">As the file says.</param>
    /// <param name="layout">The writer's names.</param>
    /// <param name="tensors">By those names.</param>
    /// <param name="useStoredHead">Whether a head that differs from the token embedding is used.</param>
    /// <exception cref="InvalidDataException">The head differs, and is not to be used.</exception>
    public static GptConfig Resolve(string path, GptConfig config, IWeightLayout layout, IReadOnlyDictionary<string, FileTensor> tensors, bool useStoredHead)
    {
        if (!config.HasTiedHead || !tensors.TryGetValue(layout.Head, out var head) || !tensors.TryGetValue(layout.TokenEmbedding, out var embedding)) return config;
        if (head.Shape.SequenceEqual(embedding.Shape) && head.Elements is not null && embedding.Elements is not null && AreEqual(embedding, head)) return config;
        return useStoredHead
            ? config with { HasTiedHead = false }
            : throw new InvalidDataException(
                $"'{path}' ties the output head to the token embedding, but holds {head} that differs from {embedding}. useStoredHead (-UseStoredHead) loads the head that is stored.");
    }

    private static bool AreEqual(FileTensor embedding, FileTensor head)
    {
        if (head.Identity is not null && head.Identity.Equals(embedding.Identity)) return true;
        long count = embedding.Shape.Aggregate(1L, (product, size) => product * size);
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
