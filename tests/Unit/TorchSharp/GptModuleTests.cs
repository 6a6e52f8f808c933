using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

[Collection(TorchCollection.Name)]
public class GptModuleTests
{
    private static readonly GptConfig Config = GptPresets.Tiny;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Each_module_keeps_its_shape(bool tied, bool bias)
    {
        using var scope = torch.NewDisposeScope();
        var config = StateDictTests.Tiny(tied, bias);
        var hidden = torch.randn(3, 7, config.EmbeddingWidth);
        Assert.Equal([3, 7, 32], new LayerNorm(config).call(hidden).shape);
        Assert.Equal([3, 7, 32], new FeedForward(config).call(hidden).shape);
        Assert.Equal([3, 7, 32], new CausalSelfAttention(config).call(hidden).shape);
        Assert.Equal([3, 7, 32], new TransformerBlock(config).call(hidden).shape);
        Assert.Equal([3, 7, 61], GptModule.Create(config, seed: 1).call(Ids(3, 7)).shape);
    }

    [Theory]
    [InlineData(0, 16)]
    [InlineData(7, 16)]
    [InlineData(15, 16)]
    public void A_changed_token_does_not_change_the_logits_before_it(int position, int tokens)
    {
        using var scope = torch.NewDisposeScope();
        var module = GptModule.Create(Config, seed: 1);
        module.eval();
        var before = module.call(Ids(1, tokens));
        var ids = Ids(1, tokens);
        ids[0, position] = (ids[0, position] + 1) % Config.VocabularySize;
        var after = module.call(ids);

        Assert.Equal(Values(before.narrow(1, 0, position)), Values(after.narrow(1, 0, position)));
        Assert.NotEqual(Values(before.narrow(1, position, 1)), Values(after.narrow(1, position, 1)));
    }

    [Fact]
    public void Attention_with_and_without_dropout_agree_if_nothing_is_dropped()
    {
        // The dropout rate is so small that nothing is dropped: the book's steps compared with the fused kernel.
        using var scope = torch.NewDisposeScope();
        var config = Config with { DropoutRate = 1e-12 };
        var hidden = torch.randn(2, 16, config.EmbeddingWidth);
        var attention = new CausalSelfAttention(config);
        var explicitly = attention.call(hidden);
        attention.eval();
        Assert.True(torch.allclose(explicitly, attention.call(hidden), rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void Dropout_drops_in_training_and_never_in_evaluation()
    {
        using var scope = torch.NewDisposeScope();
        var module = GptModule.Create(Config with { DropoutRate = 0.5 }, seed: 1);
        Assert.NotEqual(Values(module.call(Ids(1, 16))), Values(module.call(Ids(1, 16))));
        module.eval();
        Assert.Equal(Values(module.call(Ids(1, 16))), Values(module.call(Ids(1, 16))));
    }

    [Fact]
    public void Evaluation_leaves_the_global_generator_alone()
    {
        using var scope = torch.NewDisposeScope();
        var module = GptModule.Create(Config with { DropoutRate = 0.5 }, seed: 1);
        module.eval();
        var state = torch.get_rng_state();
        module.call(Ids(2, 16));
        GptModule.FromWeights(module.ToWeights()).Dispose();
        Assert.True(state.equal(torch.get_rng_state()).all().item<bool>());
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        using GptModule first = GptModule.Create(Config, 5), second = GptModule.Create(Config, 5), third = GptModule.Create(Config, 6);
        Assert.Equal(first.ToWeights()[WeightNames.Key(1)].ToArray(), second.ToWeights()[WeightNames.Key(1)].ToArray());
        Assert.NotEqual(first.ToWeights()[WeightNames.Key(1)].ToArray(), third.ToWeights()[WeightNames.Key(1)].ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Copied_weights_loaded_into_another_network_give_equal_logits(bool tied)
    {
        using var scope = torch.NewDisposeScope();
        var config = StateDictTests.Tiny(tied, bias: true);
        var first = GptModule.Create(config, seed: 1);
        var second = GptModule.Create(config, seed: 2);
        Assert.NotEqual(Values(first.call(Ids(2, 16))), Values(second.call(Ids(2, 16))));

        second.Load(first.ToWeights());
        Assert.Equal(Values(first.call(Ids(2, 16))), Values(second.call(Ids(2, 16))));
        Assert.Equal(Values(first.call(Ids(2, 16))), Values(GptModule.FromWeights(first.ToWeights()).call(Ids(2, 16))));
    }

    [Fact]
    public void The_returned_weights_are_a_copy()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var weights = module.ToWeights();
        float before = weights[WeightNames.TokenEmbedding][0];
        using (torch.no_grad()) module.ParametersByName()[WeightNames.TokenEmbedding].zero_();
        Assert.Equal(before, weights[WeightNames.TokenEmbedding][0]);
        Assert.NotEqual(0, before);
    }

    [Fact]
    public void Weights_of_another_size_are_refused()
    {
        using var module = GptModule.Create(Config, seed: 1);
        using var other = GptModule.Create(Config with { LayerCount = 1 }, seed: 1);
        Assert.Throws<ArgumentException>(() => module.Load(other.ToWeights()));
    }

    [Fact]
    public void A_tied_head_starts_near_the_loss_of_guessing()
    {
        using var scope = torch.NewDisposeScope();
        var module = GptModule.Create(Config with { VocabularySize = 5000, EmbeddingWidth = 128 }, seed: 1);
        // a token's own logit is large
        var loss = torch.nn.functional.cross_entropy(module.call(Ids(4, 16)).flatten(0, 1), Ids(4, 16).flatten() + 2000);
        Assert.Equal(Math.Log(5000), loss.item<float>(), 0.3);
    }

    [Fact]
    public void GPT_2s_initialization_has_its_standard_deviations()
    {
        using var module = GptModule.Create(Config with { EmbeddingWidth = 128 }, seed: 1, WeightInitialization.Gpt2);
        var weights = module.ToWeights();
        Assert.Equal(0.02, Deviation(weights[WeightNames.TokenEmbedding]), 0.001);
        Assert.Equal(0.02, Deviation(weights[WeightNames.FeedForwardIn(0)]), 0.001);
        Assert.Equal(0.02 / 2, Deviation(weights[WeightNames.FeedForwardOut(0)]), 0.0005); // 2L = 4 additions to the residual stream
        Assert.Equal(0.02 / 2, Deviation(weights[WeightNames.AttentionOutput(1)]), 0.0005);
        Assert.Equal(0, Deviation(weights[WeightNames.FeedForwardInBias(0)]));
    }

    [Fact]
    public void A_text_longer_than_the_context_is_refused_with_both_numbers()
    {
        using var module = GptModule.Create(Config, seed: 1);
        using var ids = Ids(1, 17);
        string message = Assert.Throws<ArgumentException>(() => module.call(ids)).Message;
        Assert.Contains("17", message, StringComparison.Ordinal);
        Assert.Contains("16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_of_another_type_or_rank_are_refused()
    {
        using var module = GptModule.Create(Config, seed: 1);
        using torch.Tensor integers = torch.zeros(1, 4, torch.ScalarType.Int32), flat = torch.zeros(4, torch.ScalarType.Int64);
        Assert.Throws<ArgumentException>(() => module.call(integers));
        Assert.Throws<ArgumentException>(() => module.call(flat));
    }

    [Fact]
    public void An_inconsistent_configuration_is_refused() =>
        Assert.Throws<ArgumentException>(() => GptModule.Create(Config with { EmbeddingWidth = 30 }, seed: 1));

    [Fact]
    public void The_number_of_live_tensors_stays_constant_over_many_forward_and_backward_passes()
    {
        using var module = GptModule.Create(Config with { DropoutRate = 0.1 }, seed: 1);
        using var ids = Ids(2, 16);
        Pass();
        var statistics = DisposeScopeManager.Statistics;
        long before = statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 200; i++) Pass();
        Assert.Equal(before, statistics.ThreadTotalLiveCount);

        void Pass()
        {
            using var scope = torch.NewDisposeScope();
            module.zero_grad();
            torch.nn.functional.cross_entropy(module.call(ids).flatten(0, 1), ids.flatten()).backward();
        }
    }

    /// <summary>(rows, tokens) of ids that differ by row and position.</summary>
    internal static torch.Tensor Ids(int rows, int tokens) =>
        torch.tensor(Enumerable.Range(0, rows * tokens).Select(i => (long)(i * i * 7 + 3 * i) % 61).ToArray(), [rows, tokens]);

    internal static float[] Values(torch.Tensor tensor) => tensor.numel() == 0 ? [] : tensor.detach().contiguous().data<float>().ToArray();

    private static double Deviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (float value in values) (sum, squares) = (sum + value, squares + ((double)value * value));
        return Math.Sqrt((squares / values.Length) - Math.Pow(sum / values.Length, 2));
    }
}
