using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>
/// A unit of work: consecutive windows of a corpus. Its boundaries depend only on the corpus and the options.
/// </summary>
/// <param name="index">The index among the corpus's chunks, from 0.</param>
internal sealed class Chunk(long index)
{
    public long Index => index;

    /// <summary>The windows.</summary>
    public WindowBatch Windows { get; } = new();

    /// <summary>The documents that its targets belong to, in order, including documents without a target.</summary>
    public List<DocumentSpan> Spans { get; } = [];

    /// <summary>Characters (UTF-16) of the corpus up to the end of the chunk.</summary>
    public long CharactersThrough { get; set; }

    /// <summary>Returns a hash of the ids and the windows: it differs for another text, tokenizer or option.</summary>
    public string ContentHash()
    {
        int[] contents = Windows.Contents;
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(contents.AsSpan())).AsSpan(0, 8));
    }
}
