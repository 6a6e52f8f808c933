using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// A hash of everything that a model's figures depend on: the configuration, the weights as stored in memory, the
/// precision, and the texts of the tokens. The same on every machine.
/// </summary>
internal static class ModelFingerprint
{
    private const int ElementsAtOnce = 1 << 18;

    private static readonly ConditionalWeakTable<GptModel, string> Known = [];

    public static string Of(GptModel model) => Known.GetValue(model, Compute);

    private static string Compute(GptModel model)
    {
        WeightEntry[] entries = [.. WeightNames.For(model.Config)];
        string[] hashes = new string[entries.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = model.ThreadCount };
        Parallel.For(0, entries.Length, options, i => hashes[i] = HashOf(model, entries[i]));

        var c = model.Config;
        var description = new StringBuilder(string.Create(
            CultureInfo.InvariantCulture,
            $"{c.VocabularySize};{c.ContextLength};{c.EmbeddingWidth};{c.HeadCount};{c.LayerCount};"
            + $"{model.Options.Precision};{Of(model.Tokenizer)}"));
        if (!c.IsPlainGpt2) description.Append(';').Append(GptConfigJson.Write(c));
        for (int i = 0; i < hashes.Length; i++) description.Append(';').Append(entries[i].Name).Append('=').Append(hashes[i]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(description.ToString())));
    }

    private static string HashOf(GptModel model, WeightEntry entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        float[] elements = new float[(int)Math.Min(ElementsAtOnce, entry.ElementCount)];
        for (long start = 0; start < entry.ElementCount; start += elements.Length)
        {
            var part = elements.AsSpan(0, (int)Math.Min(elements.Length, entry.ElementCount - start));
            model.Read(entry.Name, start, part);
            hash.AppendData(MemoryMarshal.AsBytes(part));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Returns a hash of the texts of the tokens and of the special tokens that figures depend on.</summary>
    public static string Of(ITextTokenizer tokenizer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(tokenizer.Decode([id])));
            hash.AppendData([(byte)tokenizer.ByteCount(id), 0xFF]);
        }

        // The token that precedes a document affects its loss; most models use the same token for both ends.
        if (tokenizer.BeginningOfTextId != tokenizer.EndOfTextId) hash.AppendData(BitConverter.GetBytes(tokenizer.BeginningOfTextId ?? -1));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
