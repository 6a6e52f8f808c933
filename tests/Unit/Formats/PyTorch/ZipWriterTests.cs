using System.IO.Compression;
using System.Text;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

/// <summary>Compared with .NET's archive reader.</summary>
public class ZipWriterTests
{
    /// <summary>With a lower limit, every size and offset is in the 64-bit fields.</summary>
    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(0)]
    [InlineData(100)]
    public void What_is_written_is_read_back(long largest)
    {
        var random = new Random(1);
        var entries = new Dictionary<string, byte[]>();
        for (int i = 0; i < 20; i++)
        {
            byte[] contents = new byte[i * 13];
            random.NextBytes(contents);
            entries[$"archive/data/{i}"] = contents;
        }

        using var stream = new MemoryStream();
        var zip = new ZipWriter(stream, largest);
        foreach (var (name, contents) in entries) zip.Add(name, contents);
        zip.Finish();

        stream.Position = 0;
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
        Assert.Equal(entries.Keys, archive.Entries.Select(entry => entry.FullName));
        foreach (var entry in archive.Entries)
        {
            using var opened = entry.Open();
            byte[] read = new byte[entry.Length];
            opened.ReadExactly(read);
            Assert.Equal(entries[entry.FullName], read);
            Assert.Equal(Crc32.Append(0, read), entry.Crc32);
            Assert.Equal(entry.Length, entry.CompressedLength);
        }
    }

    [Fact]
    public void Every_entry_begins_at_a_multiple_of_64_bytes()
    {
        using var stream = new MemoryStream();
        var zip = new ZipWriter(stream);
        byte[] mark = Encoding.ASCII.GetBytes("marks the place");
        for (int i = 0; i < 70; i++) zip.Add(new string('n', i + 1), [.. mark, .. new byte[i]]);
        zip.Finish();

        byte[] bytes = stream.ToArray();
        int found = 0;
        for (int at = 0; (at = bytes.AsSpan(at).IndexOf(mark) is >= 0 and var step ? at + step : -1) >= 0; at++, found++)
        {
            Assert.Equal(0, at % 64);
        }

        Assert.Equal(70, found);
    }

    [Fact]
    public void An_entry_of_another_length_than_announced_is_refused()
    {
        using var stream = new MemoryStream();
        Assert.Throws<InvalidOperationException>(() => new ZipWriter(stream).Add("a", 4, target => target.Write([1, 2, 3])));
    }
}
