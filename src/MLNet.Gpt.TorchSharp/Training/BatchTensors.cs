using MLNet.Gpt.Data;
using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A batch's logits and targets as tensors.</summary>
internal static class BatchTensors
{
    /// <summary>The input ids of equally long sequences, (B, T) of type int64.</summary>
    public static torch.Tensor Inputs(TokenBatch batch) =>
        torch.tensor(batch.Inputs, [batch.BatchSize, batch.Length], dtype: torch.ScalarType.Int64);

    /// <summary>Computes the logits after each input, (N, V): all sequences at once if they are equally long, else one by one.</summary>
    public static torch.Tensor Logits(torch.nn.Module<torch.Tensor, torch.Tensor> module, TokenBatch batch)
    {
        if (batch.IsRectangular) return module.call(Inputs(batch)).flatten(0, 1); // (B, T) -> (B, T, V) -> (B T, V)
        return torch.cat([.. Enumerable.Range(0, batch.BatchSize).Select(sequence =>
        {
            int[] own = batch.Inputs[batch.Starts[sequence]..batch.Starts[sequence + 1]];
            return module.call(torch.tensor(own, [1, own.Length], dtype: torch.ScalarType.Int64)).flatten(0, 1);
        })]);
    }

    /// <summary>The target ids, (N) of type int64; those that do not count are PyTorch's <c>ignore_index</c>.</summary>
    public static torch.Tensor Targets(TokenBatch batch) => torch.tensor(batch.Targets, dtype: torch.ScalarType.Int64);
}
