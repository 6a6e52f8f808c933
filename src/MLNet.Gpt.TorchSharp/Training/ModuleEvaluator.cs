using TorchSharp;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Measures a network's loss on windows of tokens.</summary>
public static class ModuleEvaluator
{
    /// <summary>The loss of every target: Σ −ln p and the count of tokens, summed exactly. Without gradients and dropout.</summary>
    /// <param name="module">Token ids (B, T) of type int64 -> logits (B, T, V). Its mode is what it was when this returns.</param>
    /// <param name="batches">What to measure, in the order of the text.</param>
    /// <param name="maxBatches">Batches to stop after, at least 1; all where <see langword="null"/>.</param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">The logits hold NaN.</exception>
    public static LossSummary Measure(
        Module<torch.Tensor, torch.Tensor> module, TokenBatches batches, int? maxBatches = null, CancellationToken cancellationToken = default)
    {
        bool wasTraining = module.training;
        module.eval();
        try
        {
            using var noGradients = torch.no_grad();
            var summary = LossSummary.Empty;
            foreach (var batch in batches.InOrder().Take(maxBatches ?? int.MaxValue))
            {
                cancellationToken.ThrowIfCancellationRequested();
                summary += Measure(module, batch);
            }

            return summary;
        }
        finally
        {
            module.train(wasTraining);
        }
    }

    /// <summary>The loss of every target of a batch, in the module's mode.</summary>
    internal static LossSummary Measure(Module<torch.Tensor, torch.Tensor> module, TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var logits = module.call(BatchTensors.Inputs(batch)).flatten(0, 1); // (B, T, V) -> (B T, V)
        var losses = functional.cross_entropy(logits, BatchTensors.Targets(batch), reduction: Reduction.None); // (B T)
        var summary = LossSummary.Empty;
        foreach (float loss in losses.data<float>().ToArray()) summary += LossSummary.Of(loss);
        return summary;
    }

    /// <summary>The mean loss of a batch as PyTorch computes it, in single precision and in the module's mode.</summary>
    internal static double MeanLoss(Module<torch.Tensor, torch.Tensor> module, TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var logits = module.call(BatchTensors.Inputs(batch)).flatten(0, 1); // (B, T, V) -> (B T, V)
        return functional.cross_entropy(logits, BatchTensors.Targets(batch)).item<float>();
    }
}
