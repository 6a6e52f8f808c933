using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MLNet.Gpt.Formats.HuggingFace;

namespace MLNet.Gpt.Tests.Formats.HuggingFace;

/// <summary>
/// Against the files of OpenAI's release, by the SHA-256 hashes with which its tiktoken checks its downloads
/// (<c>tiktoken_ext/openai_public.py</c>).
/// </summary>
public class HuggingFaceTokenizerWriterTests
{
    private static readonly Dictionary<string, byte[]> Files =
        HuggingFaceTokenizerWriter.Files(Gpt2Tokenizer.Instance, GptPresets.Gpt2Small)
            .ToDictionary(file => file.Name, file => file.Contents);

    [Fact]
    public void The_merges_equal_the_releases_vocab_bpe_byte_for_byte() =>
        Assert.Equal("1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", Hash(Files["merges.txt"]));

    /// <summary>The release's file has non-ASCII letters as \u escapes, and a space after commas and colons.</summary>
    [Fact]
    public void The_vocabulary_equals_the_releases_encoder_json_byte_for_byte()
    {
        using var document = JsonDocument.Parse(Files["vocab.json"]);
        var text = new StringBuilder("{");
        foreach (var token in document.RootElement.EnumerateObject())
        {
            if (text.Length > 1) text.Append(", ");
            text.Append('"');
            foreach (char letter in token.Name)
            {
                if (letter is '"' or '\\') text.Append('\\').Append(letter);
                else if (letter > '~') text.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
                else text.Append(letter);
            }

            text.Append(CultureInfo.InvariantCulture, $"\": {token.Value.GetInt32()}");
        }

        Assert.Equal(
            "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", Hash(Encoding.ASCII.GetBytes(text.Append('}').ToString())));
    }

    [Fact]
    public void The_tokenizer_file_contains_the_same_vocabulary_and_merges()
    {
        using var tokenizer = JsonDocument.Parse(Files["tokenizer.json"]);
        using var vocabulary = JsonDocument.Parse(Files["vocab.json"]);
        var model = tokenizer.RootElement.GetProperty("model");
        Assert.True(JsonElement.DeepEquals(vocabulary.RootElement, model.GetProperty("vocab")));
        string[] lines = Encoding.UTF8.GetString(Files["merges.txt"]).Split('\n')[1..^1];
        Assert.Equal(lines, model.GetProperty("merges").EnumerateArray().Select(line => line.GetString()!));
        Assert.Equal(
            (50256, "<|endoftext|>"),
            (
                tokenizer.RootElement.GetProperty("added_tokens")[0].GetProperty("id").GetInt32(),
                tokenizer.RootElement.GetProperty("added_tokens")[0].GetProperty("content").GetString()));
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
