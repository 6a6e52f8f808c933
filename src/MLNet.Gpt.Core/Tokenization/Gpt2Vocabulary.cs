using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>The byte strings of GPT-2's tokens: from id to bytes and from bytes to id. An id is also its BPE rank.</summary>
internal sealed class Gpt2Vocabulary
{
    /// <summary>Number of ids, including the end of text.</summary>
    public const int Size = 50_257;

    /// <summary>The only special token.</summary>
    public const int EndOfTextId = Size - 1;

    /// <summary>Length in bytes of the longest ordinary token.</summary>
    public const int LongestToken = 128;

    /// <summary>The spelling of the special token.</summary>
    public const string EndOfText = "<|endoftext|>";

    private const string ResourceName = "MLNet.Gpt.Tokenization.Vocabularies.gpt2.tokens";
    private const int SlotBits = 17; // 2.6 slots per token
    private const uint SlotMask = (1u << SlotBits) - 1;
    private static readonly Lazy<Gpt2Vocabulary> Lazy = new(() => new Gpt2Vocabulary());

    private readonly byte[] _bytes;
    private readonly int[] _starts = new int[Size + 1]; // token i is _bytes[_starts[i] .. _starts[i + 1]]

    // Open addressing with linear probing. A slot is 0 if empty, else id + 1 in its low 17 bits and 15 bits of the hash
    // above them.
    private readonly uint[] _slots = new uint[1 << SlotBits];

    private Gpt2Vocabulary()
    {
        // The lengths of all tokens except the special one, then their bytes.
        using var resource = typeof(Gpt2Vocabulary).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The resource '{ResourceName}' is missing from the library.");
        byte[] lengths = new byte[EndOfTextId];
        resource.ReadExactly(lengths);
        int total = (int)(resource.Length - lengths.Length);
        _bytes = new byte[total + EndOfText.Length];
        resource.ReadExactly(_bytes, 0, total);
        Encoding.ASCII.GetBytes(EndOfText, _bytes.AsSpan(total));

        for (int id = 0; id < EndOfTextId; id++)
        {
            _starts[id + 1] = _starts[id] + lengths[id];
            Insert(id);
        }

        _starts[Size] = _bytes.Length;
    }

    /// <summary>The only instance, read on first use.</summary>
    public static Gpt2Vocabulary Shared => Lazy.Value;

    /// <summary>The bytes of a token; the id must be valid.</summary>
    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_starts[id].._starts[id + 1]);

    /// <summary>The bytes of a token as memory; the id must be valid.</summary>
    public ReadOnlyMemory<byte> Memory(int id) => _bytes.AsMemory(_starts[id].._starts[id + 1]);

    /// <summary>The id of an ordinary token's bytes, or −1.</summary>
    public int Find(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestToken) return -1;
        uint hash = Hash(bytes), tag = hash & ~SlotMask;
        for (uint slot = hash & SlotMask; ; slot = (slot + 1) & SlotMask)
        {
            uint entry = _slots[slot];
            if (entry == 0) return -1;
            if ((entry & ~SlotMask) != tag) continue;
            int id = (int)(entry & SlotMask) - 1;
            if (bytes.SequenceEqual(this[id])) return id;
        }
    }

    /// <summary>The ordinary tokens in the format of a .tiktoken file: a line <c>base64 id</c> for each.</summary>
    public MemoryStream OpenRanks()
    {
        // 4 base64 characters for every 3 bytes or part of them, and up to 7 for space, id and line ending.
        byte[] lines = new byte[(EndOfTextId * 10) + (2 * _bytes.Length)];
        int end = 0;
        for (int id = 0; id < EndOfTextId; id++)
        {
            Base64.EncodeToUtf8(this[id], lines.AsSpan(end), out _, out int written);
            end += written;
            lines[end++] = (byte)' ';
            id.TryFormat(lines.AsSpan(end), out written, provider: CultureInfo.InvariantCulture);
            end += written;
            lines[end++] = (byte)'\n';
        }

        return new MemoryStream(lines, 0, end, writable: false);
    }

    private void Insert(int id)
    {
        uint hash = Hash(this[id]), slot = hash & SlotMask;
        while (_slots[slot] != 0) slot = (slot + 1) & SlotMask;
        _slots[slot] = (hash & ~SlotMask) | (uint)(id + 1);
    }

    // Any hash would do; this one processes eight bytes at a time (constants: odd, from the golden ratio and from π).
    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong factor = 0x9E37_79B9_7F4A_7C15;
        ulong hash = (ulong)bytes.Length * 0x243F_6A88_85A3_08D3;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            hash = (BitOperations.RotateLeft(hash, 29) ^ MemoryMarshal.Read<ulong>(bytes)) * factor;
        }

        ulong rest = 0;
        foreach (byte b in bytes) rest = (rest << 8) | b;
        hash = (BitOperations.RotateLeft(hash, 29) ^ rest) * factor;
        return (uint)(hash >> 32) ^ (uint)(hash >> 15);
    }
}
