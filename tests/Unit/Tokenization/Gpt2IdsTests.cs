using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MLNet.Gpt.Tests.Data;

namespace MLNet.Gpt.Tests.Tokenization;

/// <summary>Compares ids with those of OpenAI's tiktoken, recorded by Fixtures/make-gpt2-ids.mjs.</summary>
public class Gpt2IdsTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    [Fact]
    public void Awkward_texts_have_the_ids_of_tiktoken()
    {
        int count = 0;
        foreach (string line in File.ReadLines(TestFiles.InRepository("tests/Unit/Tokenization/Fixtures/gpt2-ids.jsonl")))
        {
            var record = JsonDocument.Parse(line).RootElement;
            string units = record.GetProperty("units").GetString()!;
            string text = string.Concat(
                units.Chunk(4).Select(unit => (char)ushort.Parse(unit, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
            int[] ids = Ids(record.GetProperty("ids")), literal = record.TryGetProperty("literal", out var property) ? Ids(property) : ids;

            Assert.Equal(ids, Tokenizer.Encode(text));
            Assert.Equal(literal, Tokenizer.Encode(text, SpecialTokens.Literal));
            Assert.Equal(ids.Length, Tokenizer.Count(text));
            Assert.Equal(literal.Length, Tokenizer.Count(text, SpecialTokens.Literal));
            Assert.Equal(WellFormed(text), Tokenizer.Decode(ids));
            Assert.Equal(WellFormed(text), Tokenizer.Decode(literal));
            count++;
        }

        Assert.True(count >= 500);
    }

    [Fact]
    public void Chapters_of_a_novel_have_the_ids_of_tiktoken()
    {
        int[] ids = Tokenizer.Encode(TestFiles.MobyDick);
        Assert.Equal(98468, ids.Length);
        Assert.Equal("2237ec7e9ac17c79e7c0f8d6a2a8511ebefcc143ccc05f32235359240304f57f", Hash(ids));
    }

    [Fact]
    public void The_lectures_story_has_the_ids_of_tiktoken()
    {
        int[] ids = Tokenizer.Encode(TestFiles.TheVerdict);
        Assert.Equal(5145, ids.Length);
        Assert.Equal("c3d1f8aaa4fc00bea0223bad49a2c9d796f23ce65b9193177c51c854cf9c2189", Hash(ids));
    }

    [Fact] // the hash that tiktoken's own source requires of its download of r50k_base.tiktoken
    public void The_vocabulary_is_OpenAIs()
    {
        var lines = new StringBuilder();
        for (int id = 0; id < 50_256; id++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"{Convert.ToBase64String(Tokenizer.TokenBytes(id).Span)} {id}\n");
        }

        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(lines.ToString())));
        Assert.Equal("306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930", hash);
    }

    internal static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static int[] Ids(JsonElement element) => [.. element.EnumerateArray().Select(id => id.GetInt32())];

    private static string Hash(int[] ids) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids.AsSpan())));
}
