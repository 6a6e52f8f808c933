using MLNet.Gpt.Data;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed;

/// <summary>Batches of ids determined by a seed, and their loss in TorchSharp.</summary>
internal static class Batches
{
    public static TokenBatch Create(GptConfig config, int batchSize, int tokens, int seed)
    {
        var random = new Random(seed);
        int[] ids = [.. Enumerable.Range(0, (batchSize * tokens) + 1).Select(_ => random.Next(config.VocabularySize))];
        return new(new TokenWindows(ids, tokens), [.. Enumerable.Range(0, batchSize)]);
    }

    public static torch.Tensor Loss(torch.nn.Module<torch.Tensor, torch.Tensor> module, TokenBatch batch, double smoothing = 0)
    {
        using var scope = torch.NewDisposeScope();
        var inputs = torch.tensor(batch.Inputs.Select(id => (long)id).ToArray(), [batch.BatchSize, batch.Length]);
        var targets = torch.tensor(batch.Targets.Select(id => (long)id).ToArray());
        return torch.nn.functional.cross_entropy(
            module.call(inputs).flatten(0, 1), targets, label_smoothing: smoothing).MoveToOuterDisposeScope();
    }
}
