using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

public class Crc32Tests
{
    [Fact] // The check value that catalogues of checksums give for CRC-32/ISO-HDLC.
    public void The_check_value_is_the_published_one() => Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));

    [Fact]
    public void Long_runs_in_any_pieces_have_the_same_checksum_as_with_tables()
    {
        var random = new Random(1);
        byte[] bytes = new byte[5000];
        random.NextBytes(bytes);
        for (int i = 0; i < 500; i++)
        {
            int start = random.Next(bytes.Length), length = random.Next(bytes.Length - start), cut = random.Next(length + 1);
            uint expected = Crc32.AppendByTables(0, bytes.AsSpan(start, length));
            Assert.Equal(expected, Crc32.Append(0, bytes.AsSpan(start, length)));
            Assert.Equal(expected, Crc32.Append(Crc32.Append(0, bytes.AsSpan(start, cut)), bytes.AsSpan(start + cut, length - cut)));
        }
    }
}
