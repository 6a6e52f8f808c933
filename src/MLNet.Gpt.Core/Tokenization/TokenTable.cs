using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MLNet.Gpt.Tokenization;

/// <summary>The byte strings of tokens: from id to bytes and from bytes to id.</summary>
internal sealed class TokenTable
{
    // Of a hash that files cannot know, so that none of them can make all tokens collide.
    private static readonly ulong Seed = MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private readonly byte[] _bytes;
    private readonly int[] _starts; // token i is _bytes[_starts[i] .. _starts[i + 1]]

    // Open addressing with linear probing. A slot is 0 if empty, else id + 1 in its low bits and bits of the hash above
    // them.
    private readonly uint[] _slots;
    private readonly uint _mask;

    /// <param name="bytes">The bytes of all tokens, one after the other.</param>
    /// <param name="starts">Where each token begins, and the end of the last one. Tokens are found once they are added.</param>
    public TokenTable(byte[] bytes, int[] starts)
    {
        (_bytes, _starts) = (bytes, starts);
        _slots = new uint[BitOperations.RoundUpToPowerOf2((uint)Count * 2 + 1)]; // at least 2 slots per token
        _mask = (uint)_slots.Length - 1;
    }

    /// <summary>Number of tokens.</summary>
    public int Count => _starts.Length - 1;

    /// <summary>Length in bytes of the longest token that can be found.</summary>
    public int LongestToken { get; private set; }

    /// <summary>The bytes of a token; the id must be valid.</summary>
    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_starts[id].._starts[id + 1]);

    /// <summary>Creates a table of tokens of which none can be found yet.</summary>
    public static TokenTable Of(IReadOnlyList<byte[]> tokens)
    {
        int[] starts = new int[tokens.Count + 1];
        for (int id = 0; id < tokens.Count; id++) starts[id + 1] = checked(starts[id] + tokens[id].Length);
        byte[] bytes = new byte[starts[^1]];
        for (int id = 0; id < tokens.Count; id++) tokens[id].CopyTo(bytes, starts[id]);
        return new(bytes, starts);
    }

    /// <summary>The bytes of a token as memory; the id must be valid.</summary>
    public ReadOnlyMemory<byte> Memory(int id) => _bytes.AsMemory(_starts[id].._starts[id + 1]);

    /// <summary>Returns the id of the token with these bytes, or −1.</summary>
    public int Find(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestToken) return -1;
        uint hash = Hash(bytes), tag = hash & ~_mask;
        for (uint slot = hash & _mask; ; slot = (slot + 1) & _mask)
        {
            uint entry = _slots[slot];
            if (entry == 0) return -1;
            if ((entry & ~_mask) != tag) continue;
            int id = (int)(entry & _mask) - 1;
            if (bytes.SequenceEqual(this[id])) return id;
        }
    }

    /// <summary>Lets a token be found by its bytes; it must not have been added.</summary>
    public void Add(int id)
    {
        uint hash = Hash(this[id]), slot = hash & _mask;
        while (_slots[slot] != 0) slot = (slot + 1) & _mask;
        _slots[slot] = (hash & ~_mask) | (uint)(id + 1);
        LongestToken = Math.Max(LongestToken, this[id].Length);
    }

    /// <summary>Returns a hash of bytes, the same as long as the process runs.</summary>
    // Processes eight bytes at a time (constants: odd, from the golden ratio and from π).
    public static uint Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong factor = 0x9E37_79B9_7F4A_7C15;
        ulong hash = Seed ^ ((ulong)bytes.Length * 0x243F_6A88_85A3_08D3);
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
