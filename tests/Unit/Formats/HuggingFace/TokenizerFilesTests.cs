using System.Text;
using System.Text.Json.Nodes;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Tests.Formats.Importing;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.Tokenization;

namespace MLNet.Gpt.Tests.Formats.HuggingFace;

public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact] // transformers' own test of this vocabulary: "lower newer" with a space before it.
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
    public void GPT2s_vocabulary_is_recognized_in_either_form()
    {
        Write("vocab.json", Gpt2Files.Vocabulary.ToJsonString());
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', Gpt2Files.Merges) + "\n");
        Assert.Same(Gpt2Tokenizer.Instance, TokenizerFiles.Read(_directory.Path));
        Write("tokenizer.json", TokenizerJson().ToJsonString());
        Assert.Same(Gpt2Tokenizer.Instance, TokenizerFiles.Read(_directory.Path));

        // One merge fewer makes another tokenizer.
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', Gpt2Files.Merges.SkipLast(1)) + "\n");
        File.Delete(Path.Combine(_directory.Path, "tokenizer.json"));
        Assert.IsType<BytePairTokenizer>(TokenizerFiles.Read(_directory.Path));
    }

    [Theory]
    [InlineData("normalizer", """{"type":"Lowercase"}""", "a normalizer of type 'Lowercase'")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"NFKC"}]}""", "a normalizer of type 'NFKC'")]
    [InlineData("normalizer", """{"type":"Prepend","prepend":"_"}""", "an unknown normalizer")]
    [InlineData("normalizer", """{"type":"Prepend","prepend":"▁"}""", "a combination of normalizers")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[]}""", "no pre_tokenizer")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Punctuation"},{"type":"ByteLevel","add_prefix_space":false}]}""", "'Punctuation'")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},{"type":"ByteLevel","add_prefix_space":false}]}""", "an unknown pre_tokenizer")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":true}]}""", "add_prefix_space on after another step")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}""", "splits on '\\w+'")]
    [InlineData("decoder", """{"type":"WordPiece"}""", "a decoder of type 'WordPiece'")]
    [InlineData("decoder", """{"type":"ByteFallback"}""", "a decoder of type 'ByteFallback'")]
    [InlineData("post_processor", """{"type":"BertProcessing"}""", "a post_processor of type 'BertProcessing'")]
    [InlineData("pre_tokenizer", """{"type":"Whitespace"}""", "a pre_tokenizer of type 'Whitespace'")]
    [InlineData("pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "use_regex off")]
    [InlineData("model", """{"type":"WordPiece","vocab":{},"merges":[]}""", "a model of type 'WordPiece'")]
    [InlineData("model", """{"type":"BPE","byte_fallback":true,"vocab":{},"merges":[]}""", "byte_fallback at true")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":2},"merges":[]}""", "gives the token 'b' the id 2")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}""", "the id 0")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}""", "joins the ids 0 and 1, which together are not a token")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a c"]}""", "merges 'c', which is not a token")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["ab"]}""", "'ab' instead of two tokens")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"世":1},"merges":[]}""", "'世' is not spelled in the byte alphabet")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0,"":1},"merges":[]}""", "Token 1 is empty")]
    [InlineData("model", """{"type":"BPE"}""", "not the expected JSON")]
    [InlineData("added_tokens", """[{"content":"","id":50257}]""", "Token 50257 is empty")]
    [InlineData("added_tokens", """[{"content":"<x>","id":7}]""", "the id 7")]
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
    public void More_merges_than_the_vocabulary_can_have_are_refused_before_they_are_read()
    {
        string[] merges = [.. Enumerable.Repeat("a b", 1000)];
        Write("vocab.json", """{"a":0,"b":1,"ab":2}""");
        Write("merges.txt", string.Join('\n', merges) + "\n\n");
        AssertRefused();
        Write("tokenizer.json", """
            {"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
             "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["MERGES"]}}
            """.Replace("MERGES", string.Join("\",\"", merges), StringComparison.Ordinal));
        AssertRefused();

        void AssertRefused() => Assert.Contains(
            "has 1000 merges; the 3 tokens of its vocabulary, of 4 characters",
            Assert.Throws<InvalidDataException>(() => TokenizerFiles.Read(_directory.Path)).Message,
            StringComparison.Ordinal);
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

    // Bytes, three special tokens, and an ordinary one that results from a merge.
    private const string Vocabulary = """{"a":0,"b":1,"c":2,"ab":3,"<s>":4,"</s>":5,"<|endoftext|>":6}""";

    [Theory] // The tokenizer's own files win over the model's, a name over an id; an id of an ordinary token is a leftover.
    [InlineData("{}", "{}", "{}", "{}", 6, 6)]
    [InlineData("{}", "{}", "{}", """{"bos_token_id":4,"eos_token_id":5}""", 4, 5)]
    [InlineData("{}", "{}", """{"bos_token_id":4,"eos_token_id":[5,6]}""", """{"bos_token_id":6,"eos_token_id":6}""", 4, 5)]
    [InlineData("{}", """{"bos_token":"<s>","eos_token":{"content":"</s>"}}""", """{"eos_token_id":6}""", """{"bos_token_id":6}""", 4, 5)]
    [InlineData("""{"bos_token":{"content":"<s>"},"eos_token":"</s>"}""", """{"bos_token":"</s>","eos_token":"<s>"}""", "{}", "{}", 4, 5)]
    [InlineData("""{"bos_token":"<none>","eos_token":null}""", """{"eos_token":"</s>"}""", "{}", "{}", 5, 5)]
    [InlineData("""{"eos_token":null}""", "{}", "{}", """{"eos_token_id":null}""", null, null)]
    [InlineData("{}", "{}", "{}", """{"bos_token_id":50256,"eos_token_id":50256}""", 6, 6)]
    [InlineData("{}", "{}", "{}", """{"bos_token_id":3,"eos_token_id":3}""", 6, 6)]
    [InlineData("{}", "{}", "{}", """{"bos_token_id":-1,"eos_token_id":0}""", 6, 6)]
    [InlineData("{}", "{}", "{}", """{"bos_token_id":4,"eos_token_id":null}""", 4, 6)]
    public void The_ends_of_a_document_are_those_that_the_files_name(
        string settings, string roles, string generation, string model, int? beginning, int? end)
    {
        Write("vocab.json", Vocabulary);
        Write("merges.txt", "a b\n");
        Write("tokenizer_config.json", settings);
        Write("special_tokens_map.json", roles);
        Write("generation_config.json", generation);
        Write("config.json", model);
        var tokenizer = TokenizerFiles.Read(_directory.Path)!;
        Assert.Equal((beginning, end), (tokenizer.BeginningOfTextId, tokenizer.EndOfTextId));
        Assert.Equal([3, 2], tokenizer.Encode("abc"));

        // The same for tokenizer.json.
        Write("tokenizer.json", """{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"added_tokens":[{"id":6,"content":"<|endoftext|>"}],"""
            + $"\"model\":{{\"type\":\"BPE\",\"vocab\":{Vocabulary},\"merges\":[\"a b\"]}}}}");
        var whole = TokenizerFiles.Read(_directory.Path)!;
        Assert.Equal((beginning, end), (whole.BeginningOfTextId, whole.EndOfTextId));
        Assert.Equal([3, 2], whole.Encode("abc"));
    }

    [Fact]
    public void Added_tokens_take_in_white_space_and_a_text_gets_a_space_where_the_files_say_so()
    {
        Write("vocab.json", """{"a":0,"Ġ":1,"Ġa":2,"<l>":3,"<r>":4,"<w>":5}""");
        Write("merges.txt", "Ġ a\n");
        Write("tokenizer_config.json", """
            {"add_prefix_space":true,"added_tokens_decoder":{
                "3":{"content":"<l>","lstrip":true},"4":{"content":"<r>","rstrip":true,"special":false},"5":{"content":"<w>","single_word":true}}}
            """);
        var tokenizer = TokenizerFiles.Read(_directory.Path)!;
        Assert.Equal([2, 3, 2, 4, 2], tokenizer.Encode("a <l>a<r>  a"));
        Assert.Equal([2, 1, 5, 2], tokenizer.Encode("a <w> a"));
        Assert.Contains("byte 0x3C", Assert.Throws<ArgumentException>(() => tokenizer.Encode("a<w>")).Message, StringComparison.Ordinal);
        Assert.Equal([2, 4, 2], tokenizer.Encode("a<r>a", SpecialTokens.Literal));
        Assert.Throws<ArgumentException>(() => tokenizer.Encode("a<l>", SpecialTokens.Literal));
    }

    [Fact]
    public void Every_token_with_a_role_is_recognized_whole()
    {
        Write("vocab.json", """{"a":0,"b":1,"ab":2,"<s>":3,"<pad>":4,"<x>":5}""");
        Write("merges.txt", "a b\n");
        Write("special_tokens_map.json", """{"bos_token":"<s>","pad_token":{"content":"<pad>"},"additional_special_tokens":["<x>",{"content":"<y>"},"ab","a"]}""");
        Write("added_tokens.json", """{"<y>":6}""");
        Assert.Equal([3, 2, 4, 5, 6, 0], TokenizerFiles.Read(_directory.Path)!.Encode("<s>ab<pad><x><y>a"));
    }

    [Theory]
    [InlineData("added_tokens.json", """{"a":3}""", "gives 'a' the ids 0 and 3")]
    [InlineData("added_tokens.json", """{"<x>":9}""", "gives the token '<x>' the id 9")]
    [InlineData("added_tokens.json", """{"<x>":"9"}""", "not the expected JSON")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"three":{"content":"<x>"}}}""", "has the id 'three'")]
    [InlineData("tokenizer_config.json", """{"chat_template":7}""", "chat_template is Number")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class":"LlamaTokenizer"}""", "of class 'LlamaTokenizer'")]
    public void Files_around_a_vocabulary_that_contradict_it_are_refused_by_name(string name, string json, string reason)
    {
        Write("vocab.json", """{"a":0,"b":1,"ab":2}""");
        Write("merges.txt", "a b\n");
        Write(name, json);
        var error = Assert.Throws<InvalidDataException>(() => TokenizerFiles.Read(_directory.Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("sea", "end", null)]
    [InlineData(null, "end", "start")]
    [InlineData("sea", null, "start")]
    public void A_word_vocabulary_is_read_back_from_a_Hugging_Face_folder(string? unknown, string? end, string? beginning)
    {
        string[] words = ["the", "sea", "start", "end", "wände", "\"quoted\"", "a"];
        var tokenizer = new WordTokenizer(words, unknown, end, beginning);
        var config = GptPresets.Tiny with { VocabularySize = 7 };
        string folder = Path.Combine(_directory.Path, "words");
        GptModelExporter.Export(folder, RandomWeights.Of(config), tokenizer);

        using var file = GptModelFile.Open(folder);
        var read = Assert.IsType<WordTokenizer>(file.Tokenizer);
        Assert.Equal(words, read.Words);
        Assert.Equal(
            (tokenizer.UnknownWord, tokenizer.EndOfTextId, tokenizer.BeginningOfTextId),
            (read.UnknownWord, read.EndOfTextId, read.BeginningOfTextId));
        Assert.Equal(tokenizer.Encode("the  wände\na end"), read.Encode("the  wände\na end"));
    }

    [Fact]
    public void Word_tokenizers_that_split_differently_are_refused()
    {
        Write("tokenizer.json", """{"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}""");
        Assert.Contains(
            "'Whitespace'",
            Assert.Throws<InvalidDataException>(() => TokenizerFiles.Read(_directory.Path)).Message,
            StringComparison.Ordinal);
        Write("tokenizer.json", """{"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}""");
        Assert.Contains(
            "no pre_tokenizer",
            Assert.Throws<InvalidDataException>(() => TokenizerFiles.Read(_directory.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_is_loaded_from_a_folder_or_a_file_of_any_kind()
    {
        Assert.Contains(
            "does not contain a known tokenizer",
            Assert.Throws<InvalidDataException>(() => TokenizerFile.Load(_directory.Path)).Message,
            StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => TokenizerFile.Load(Path.Combine(_directory.Path, "none.json")));

        Write("vocab.json", Vocabulary);
        Write("merges.txt", "#version: 0.2\na b\n");
        Write("tokenizer_config.json", """{"bos_token":"<s>","eos_token":"</s>"}""");
        foreach (string name in (string[])["", "vocab.json", "merges.txt", "tokenizer_config.json"])
        {
            Check(TokenizerFile.Load(Path.Combine(_directory.Path, name)));
        }

        // With OpenAI's names for the two, as one file with any name, in models, and as the library's own JSON.
        var tokenizer = TokenizerFile.Load(_directory.Path);
        string openAI = Directory.CreateDirectory(Path.Combine(_directory.Path, "openai")).FullName;
        foreach (
            var (from, to) in (ReadOnlySpan<(string, string)>)[
                ("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe"),
                ("tokenizer_config.json", "tokenizer_config.json")
            ])
        {
            File.Copy(Path.Combine(_directory.Path, from), Path.Combine(openAI, to));
        }

        Check(TokenizerFile.Load(openAI));
        Check(TokenizerFile.Load(Path.Combine(openAI, "vocab.bpe")));
        var weights = RandomWeights.Of(GptPresets.Tiny with { VocabularySize = 9 });
        foreach (string place in (string[])["out", "out.gguf", "out.safetensors"])
        {
            string path = Path.Combine(_directory.Path, place);
            GptModelExporter.Export(path, weights, tokenizer);
            Check(TokenizerFile.Load(path));
        }

        string whole = Path.Combine(_directory.Path, "out", "mine.json");
        File.Move(Path.Combine(_directory.Path, "out", "tokenizer.json"), whole);
        Check(TokenizerFile.Load(whole));
        string own = Path.Combine(_directory.Path, "own.json");
        File.WriteAllText(
            own, MLNet.Gpt.Formats.Metadata.TokenizerJson.Write(tokenizer), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Check(TokenizerFile.Load(own));

        string state = Path.Combine(_directory.Path, "out.pth");
        GptModelExporter.Export(state, weights, tokenizer);
        Assert.Contains(
            "without a tokenizer", Assert.Throws<InvalidDataException>(() => TokenizerFile.Load(state)).Message, StringComparison.Ordinal);

        static void Check(ITextTokenizer tokenizer)
        {
            Assert.Equal((7, 4, 5), (tokenizer.VocabularySize, tokenizer.BeginningOfTextId, tokenizer.EndOfTextId));
            Assert.Equal([4, 3, 2, 5], tokenizer.Encode("<s>abc</s>"));
        }
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
