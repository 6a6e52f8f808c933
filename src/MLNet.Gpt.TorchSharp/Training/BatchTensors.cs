using MLNet.Gpt.Data;
using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A batch's ids as tensors.</summary>
internal static class BatchTensors
{
    /// <summary>The input ids, (B, T) of type int64.</summary>
    public static torch.Tensor Inputs(TokenBatch batch) =>
        torch.tensor(batch.Inputs, [batch.BatchSize, batch.Length], dtype: torch.ScalarType.Int64);

    /// <summary>The target ids, flat: (B T) of type int64.</summary>
    public static torch.Tensor Targets(TokenBatch batch) => torch.tensor(batch.Targets, dtype: torch.ScalarType.Int64);
}
