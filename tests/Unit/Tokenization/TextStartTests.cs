using MLNet.Gpt.Tests.Data;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

/// <summary>What depends on where a text begins: the space and the token before it.</summary>
public class TextStartTests
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("gemma")]
    [InlineData("metaspace")]
    [InlineData("gpt2prefix")]
    public void A_text_in_chunks_has_the_ids_of_the_whole(string name)
    {
        var tokenizer = TokenizerFile.Load(TestFiles.InRepository($"tests/Unit/Tokenization/Fixtures/Families/{name}.json"));
        string text = TestFiles.MobyDick[..100_000] + "\nx!\n\n y?\r\nz";
        using var directory = new TemporaryDirectory();
        string path = Path.Combine(directory.Path, "tokens.bin");
        TokenFileBuilder.Build(path, [text], null, document => new StringReader(document), tokenizer, 300, null, CancellationToken.None);
        using var file = TokenFile.Open(path);
        int[] ids = new int[file.Count];
        file.Read(0, ids);
        Assert.Equal(tokenizer.Encode(text), ids);
    }

    [Fact]
    public void A_prompt_begins_with_the_beginning_of_text_if_the_model_expects_it()
    {
        var tokenizer = TokenizerFile.Load(TestFiles.InRepository("tests/Unit/Tokenization/Fixtures/Families/llama2.json"));
        var config = GptPresets.Tiny with { VocabularySize = tokenizer.VocabularySize };
        using var model = GptModel.FromWeights(RandomWeights.Of(config), tokenizer);
        int[] ids = tokenizer.Encode("the whale");
        Assert.DoesNotContain(1, ids);
        var generator = new TextGenerator(model);
        var generated = generator.Generate("the whale", new() { MaxTokens = 5 });
        Assert.Equal(ids.Length + 1, generated.PromptTokenCount);
        Assert.Equal(generator.Generate((int[])[1, .. ids], new() { MaxTokens = 5 }).TokenIds, generated.TokenIds);
        Assert.Equal(generated.TokenIds, generator.Generate("<s>the whale", new() { MaxTokens = 5 }).TokenIds);

        // The space before the first word that is generated belongs to the text.
        Assert.Equal(
            tokenizer.Decode([.. ids, .. generated.TokenIds]), "the whale" + generated.Text, StringComparer.Ordinal);
        Assert.Equal(
            new NextTokenPredictor(model).Predict((int[])[1, .. ids]).Select(each => each.Id),
            new NextTokenPredictor(model).Predict("the whale").Select(each => each.Id));
    }

    [Fact]
    public void Several_tokens_can_end_a_text()
    {
        BytePairTokenizer tokenizer = new(
            [[(byte)'a'], [(byte)'b'], "<e>"u8.ToArray(), "<t>"u8.ToArray()],
            [],
            [new AddedToken(2, "<e>"), new AddedToken(3, "<t>")],
            hiddenIds: [],
            endOfTextId: 2,
            unknownId: null,
            beginningOfTextId: null,
            new() { OtherEndIds = [3] });
        Assert.Equal([2, 3], tokenizer.EndIds);
        Assert.Equal([2, 3], FittedTokenizer.Of(tokenizer, 8).EndIds);
        Assert.Equal([2], FittedTokenizer.Of(tokenizer, 3).EndIds);
    }
}
