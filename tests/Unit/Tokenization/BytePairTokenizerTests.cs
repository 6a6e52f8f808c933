using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Tests.Data;

namespace MLNet.Gpt.Tests.Tokenization;

public class BytePairTokenizerTests
{
    private static readonly Lazy<BytePairTokenizer> LazyGpt2 = new(() =>
    {
        var ids = Gpt2Files.Vocabulary.ToDictionary(token => token.Key, token => token.Value!.GetValue<int>());
        return new(
            [.. Enumerable.Range(0, 50_257).Select(id => Gpt2Tokenizer.Instance.TokenBytes(id).ToArray())],
            [.. Gpt2Files.Merges.Select(merge => merge.Split(' ')).Select(merge => (ids[merge[0]], ids[merge[1]]))],
            specialIds: [50_256],
            endOfTextId: 50_256);
    });

    [Fact] // Recorded from tiktoken; see Gpt2IdsTests.
    public void With_GPT2s_vocabulary_awkward_texts_have_the_ids_of_tiktoken()
    {
        foreach (string line in File.ReadLines(TestFiles.InRepository("tests/Unit/Tokenization/Fixtures/gpt2-ids.jsonl")))
        {
            var record = JsonDocument.Parse(line).RootElement;
            string text = string.Concat(
                record.GetProperty("units")
                    .GetString()!
                    .Chunk(4)
                    .Select(unit => (char)ushort.Parse(unit, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
            int[] ids = [.. record.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.Equal(ids, LazyGpt2.Value.Encode(text));
            Assert.Equal(ids.Length, LazyGpt2.Value.Count(text));
            Assert.Equal(Gpt2Tokenizer.Instance.Decode(ids), LazyGpt2.Value.Decode(ids));
            Assert.Equal(Gpt2Tokenizer.Instance.Encode(text, SpecialTokens.Literal), LazyGpt2.Value.Encode(text, SpecialTokens.Literal));
        }
    }

    [Fact]
    public void Chapters_of_a_novel_have_the_same_ids() =>
        Assert.Equal(Gpt2Tokenizer.Instance.Encode(TestFiles.MobyDick), LazyGpt2.Value.Encode(TestFiles.MobyDick));

    [Fact]
    public void A_piece_of_a_hundred_thousand_characters_takes_no_time()
    {
        string text = new('a', 100_000);
        Assert.Equal(Gpt2Tokenizer.Instance.Encode(text), LazyGpt2.Value.Encode(text));
    }

    [Fact]
    public void It_is_saved_with_a_model_and_read_back()
    {
        using var directory = new TemporaryDirectory();
        string path = Path.Combine(directory.Path, "model.safetensors");
        BytePairTokenizer tokenizer = new(
            [[(byte)'a'], [(byte)'b'], [(byte)'a', (byte)'b'], "<e>"u8.ToArray(), "?"u8.ToArray()],
            [(0, 1)],
            [3],
            endOfTextId: 3,
            unknownId: 4);
        GptCheckpoint.Save(path, TinyModels.Weights(GptPresets.Tiny with { VocabularySize = 5 }, 1), tokenizer);

        using var loaded = GptModel.Load(path);
        var back = Assert.IsType<BytePairTokenizer>(loaded.Tokenizer);
        Assert.Equal([2, 3, 4, 0], back.Encode("ab<e>xa"));
        Assert.Equal((3, 4), (back.EndOfTextId, back.UnknownId));
        Assert.Equal(tokenizer.Merges, back.Merges);
    }
}
