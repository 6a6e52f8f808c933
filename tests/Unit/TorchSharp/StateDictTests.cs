using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

[Collection(TorchCollection.Name)]
public class StateDictTests
{
    /// <summary>
    /// The book's keys, in its order, of a model of one layer; the book also stores the mask, which is not a weight.
    /// </summary>
    private static readonly string[] BookKeys =
    [
        "tok_emb.weight", "pos_emb.weight",
        "trf_blocks.0.att.W_query.weight", "trf_blocks.0.att.W_key.weight", "trf_blocks.0.att.W_value.weight",
        "trf_blocks.0.att.out_proj.weight", "trf_blocks.0.att.out_proj.bias",
        "trf_blocks.0.ff.layers.0.weight", "trf_blocks.0.ff.layers.0.bias",
        "trf_blocks.0.ff.layers.2.weight", "trf_blocks.0.ff.layers.2.bias",
        "trf_blocks.0.norm1.scale", "trf_blocks.0.norm1.shift",
        "trf_blocks.0.norm2.scale", "trf_blocks.0.norm2.shift",
        "final_norm.scale", "final_norm.shift", "out_head.weight",
    ];

    [Fact]
    public void The_keys_are_the_books()
    {
        using var module = GptModule.Create(Tiny(tied: false, bias: false) with { LayerCount = 1 }, seed: 1);
        Assert.Equal(BookKeys.Order(StringComparer.Ordinal), module.state_dict().Keys.Order(StringComparer.Ordinal));
        Assert.Equal(BookKeys, WeightNames.For(module.Config).Select(entry => entry.Name));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Keys_and_shapes_are_those_that_checkpoints_have(bool tied, bool bias)
    {
        var config = Tiny(tied, bias);
        using var module = GptModule.Create(config, seed: 1);
        var actual = module.state_dict().ToDictionary(pair => pair.Key, pair => string.Join(",", pair.Value.shape));
        var expected = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => string.Join(",", entry.Shape));
        Assert.Equal(expected.OrderBy(pair => pair.Key), actual.OrderBy(pair => pair.Key));
        Assert.Equal(config.ParameterCount, module.parameters().Sum(parameter => parameter.numel()));
    }

    internal static GptConfig Tiny(bool tied, bool bias) => GptPresets.Tiny with { HasTiedHead = tied, HasQkvBias = bias };
}
