using System.Text;
using System.Text.Json.Nodes;
using MLNet.Gpt.Checkpoints.HuggingFace;
using MLNet.Gpt.Tests.Checkpoints.Importing;
using MLNet.Gpt.Tests.Runtime;
using MLNet.Gpt.Tests.Tokenization;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Checkpoints.HuggingFace;

public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact] // transformers' own test of this vocabulary: "lower newer" with a blank before it.
    public void Ids_are_those_of_transformers()
    {
        var tokenizer = Assert.IsType<BytePairTokenizer>(TokenizerFiles.Read(ModelFixtures.Path("transformers")));
        Assert.Equal([14, 15, 10, 9, 3, 2, 15], tokenizer.Encode(" lower newer"));
        Assert.Equal(" lower newer", tokenizer.Decode([14, 15, 10, 9, 3, 2, 15]));
        Assert.Equal((21, 20, 19), (tokenizer.VocabularySize, tokenizer.EndOfTextId!.Value, tokenizer.UnknownId!.Value));
        Assert.Equal([0, 20, 19, 15], tokenizer.Encode("l<|endoftext|><unk>er"));
        Assert.Equal([0, 19], tokenizer.Encode("lz"));
    }

    [Fact]
    public void GPT2s_vocabulary_is_recognised_in_either_form()
    {
        Write("vocab.json", Gpt2Files.Vocabulary.ToJsonString());
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', Gpt2Files.Merges) + "\n");
        Assert.Same(Gpt2Tokenizer.Instance, TokenizerFiles.Read(_directory.Path));
        Write("tokenizer.json", TokenizerJson().ToJsonString());
        Assert.Same(Gpt2Tokenizer.Instance, TokenizerFiles.Read(_directory.Path));

        // One merge less is another tokenizer.
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', Gpt2Files.Merges.SkipLast(1)) + "\n");
        File.Delete(Path.Combine(_directory.Path, "tokenizer.json"));
        Assert.IsType<BytePairTokenizer>(TokenizerFiles.Read(_directory.Path));
    }

    [Theory]
    [InlineData("normalizer", """{"type":"NFC"}""", "a normalizer of type 'NFC'")]
    [InlineData("pre_tokenizer", """{"type":"Whitespace"}""", "a pre_tokenizer of type 'Whitespace'")]
    [InlineData("pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":true}""", "add_prefix_space")]
    [InlineData("pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "use_regex off")]
    [InlineData("model", """{"type":"WordPiece","vocab":{},"merges":[]}""", "a model of type 'WordPiece'")]
    [InlineData("model", """{"type":"BPE","byte_fallback":true,"vocab":{},"merges":[]}""", "byte_fallback at true")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":2},"merges":[]}""", "gives the token 'b' the id 2")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}""", "the id 0")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}""", "joins the ids 0 and 1 to what is no token")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a c"]}""", "merges 'c', which is no token")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["ab"]}""", "'ab' where two tokens")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"世":1},"merges":[]}""", "'世' is not spelt in the alphabet of bytes")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"":1},"merges":[]}""", "Token 1 is empty")]
    [InlineData("model", """{"type":"BPE"}""", "not the JSON that belongs there")]
    [InlineData("added_tokens", """[{"content":"","id":50257}]""", "Token 50257 is empty")]
    [InlineData("added_tokens", """[{"content":"<x>","id":7}]""", "the id 7")]
    [InlineData("added_tokens", """[{"content":"<x>","id":50257,"lstrip":true}]""", "lstrip on for '<x>'")]
    public void Another_kind_of_tokenizer_is_refused_by_name(string name, string value, string reason)
    {
        var json = TokenizerJson();
        if (name == "model") json.Remove("added_tokens");
        json[name] = JsonNode.Parse(value);
        Write("tokenizer.json", json.ToJsonString());
        var error = Assert.Throws<InvalidDataException>(() => TokenizerFiles.Read(_directory.Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merges_may_be_pairs_and_tokens_may_be_added()
    {
        Write("tokenizer.json", """
            {"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
             "added_tokens":[{"id":4,"content":"<pad>","special":true}],
             "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"abb":3},"merges":[["a","b"],["ab","b"]]}}
            """);
        var tokenizer = TokenizerFiles.Read(_directory.Path)!;
        Assert.Equal([3, 4, 2, 0], tokenizer.Encode("abb<pad>aba"));
        Assert.Contains("byte 0x63", Assert.Throws<ArgumentException>(() => tokenizer.Encode("abc")).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    private static JsonObject TokenizerJson() => new()
    {
        ["version"] = "1.0",
        ["normalizer"] = null,
        ["pre_tokenizer"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""),
        ["added_tokens"] = JsonNode.Parse("""[{"id":50256,"content":"<|endoftext|>","special":true,"lstrip":false}]"""),
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = "",
            ["continuing_subword_prefix"] = "",
            ["vocab"] = Gpt2Files.Vocabulary.DeepClone(),
            ["merges"] = new JsonArray([.. Gpt2Files.Merges.Select(merge => JsonValue.Create(merge))]),
        },
    };

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory.Path, name), text, new UTF8Encoding(false));
}
