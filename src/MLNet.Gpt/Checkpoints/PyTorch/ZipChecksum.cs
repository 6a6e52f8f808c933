using System.Buffers.Binary;

namespace MLNet.Gpt.Checkpoints.PyTorch;

/// <summary>The CRC-32 of zip archives (IEEE 802.3, reflected), eight bytes at a time.</summary>
internal struct ZipChecksum
{
    private const uint Polynomial = 0xEDB8_8320;
    private static readonly uint[][] Tables = MakeTables();

    private uint _value; // of no bytes: 0

    /// <summary>The checksum of all bytes so far.</summary>
    public readonly uint Value => _value;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        uint register = ~_value;
        uint[] t0 = Tables[0], t1 = Tables[1], t2 = Tables[2], t3 = Tables[3], t4 = Tables[4], t5 = Tables[5], t6 = Tables[6], t7 = Tables[7];
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ register, high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            register = t7[low & 0xFF] ^ t6[(low >> 8) & 0xFF] ^ t5[(low >> 16) & 0xFF] ^ t4[low >> 24]
                ^ t3[high & 0xFF] ^ t2[(high >> 8) & 0xFF] ^ t1[(high >> 16) & 0xFF] ^ t0[high >> 24];
        }

        foreach (byte value in bytes) register = t0[(register ^ value) & 0xFF] ^ (register >> 8);
        _value = ~register;
    }

    // Table k holds what a byte does to the register k bytes later.
    private static uint[][] MakeTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, 8).Select(_ => new uint[256])];
        for (uint value = 0; value < 256; value++)
        {
            uint register = value;
            for (int bit = 0; bit < 8; bit++) register = (register >> 1) ^ ((register & 1) * Polynomial);
            tables[0][value] = register;
        }

        for (int later = 1; later < 8; later++)
        {
            for (int value = 0; value < 256; value++)
            {
                uint before = tables[later - 1][value];
                tables[later][value] = tables[0][before & 0xFF] ^ (before >> 8);
            }
        }

        return tables;
    }
}
