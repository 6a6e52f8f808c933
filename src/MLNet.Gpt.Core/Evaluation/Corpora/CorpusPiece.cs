using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// A unit of work: some windows that follow each other, cut from a corpus in a way that depends on the corpus and the options
/// alone.
/// </summary>
internal sealed class CorpusPiece(long index)
{
    /// <summary>Its place among the corpus's pieces, from 0.</summary>
    public long Index => index;

    /// <summary>The windows.</summary>
    public WindowBatch Windows { get; } = new();

    /// <summary>The documents that its targets belong to, in order; documents without a target are among them.</summary>
    public List<PiecePart> Parts { get; } = [];

    /// <summary>Characters (UTF-16) of the corpus up to its end.</summary>
    public long CharactersThrough { get; set; }

    /// <summary>A hash of the ids and the windows: another text, tokenizer or option gives another one.</summary>
    public string ContentHash()
    {
        int[] contents = Windows.Contents;
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(contents.AsSpan())).AsSpan(0, 8));
    }
}
