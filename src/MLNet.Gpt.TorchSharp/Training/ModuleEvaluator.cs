using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using TorchSharp;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Measures a network's loss on windows of tokens.</summary>
internal static class ModuleEvaluator
{
    /// <summary>
    /// Measures the loss of every target: Σ −ln p and the number of tokens, summed exactly; without gradients and
    /// dropout.
    /// </summary>
    /// <param name="module">
    /// Token ids (B, T) of type int64 -> logits (B, T, V). It is back in its previous mode when this returns.
    /// </param>
    /// <param name="batches">What to measure, in the order of the text.</param>
    /// <param name="maxBatches">
    /// The number of batches to stop after, at least 1; <see langword="null"/> for all.
    /// </param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A logit is NaN, or <paramref name="maxBatches"/> is less than 1.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static LossSummary Measure(
        Module<torch.Tensor, torch.Tensor> module,
        TokenBatches batches,
        int? maxBatches = null,
        CancellationToken cancellationToken = default)
    {
        Check.AtLeast(maxBatches, 1, nameof(maxBatches));
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

    /// <summary>Measures the loss of every target of a batch, in the module's mode.</summary>
    internal static LossSummary Measure(Module<torch.Tensor, torch.Tensor> module, TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var logits = BatchTensors.Logits(module, batch); // (N, V)
        var losses = functional.cross_entropy(logits, BatchTensors.Targets(batch), reduction: Reduction.None); // (N)
        float[] all = losses.data<float>().ToArray();
        var summary = LossSummary.Empty;
        for (int row = 0; row < all.Length; row++)
        {
            if (batch.Targets[row] != TokenBatch.Ignored) summary += LossSummary.Of(all[row]);
        }

        return summary;
    }

    /// <summary>
    /// Computes the mean loss of a batch as PyTorch does, in single precision and in the module's mode.
    /// </summary>
    internal static double MeanLoss(Module<torch.Tensor, torch.Tensor> module, TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var logits = BatchTensors.Logits(module, batch); // (N, V)
        return functional.cross_entropy(logits, BatchTensors.Targets(batch)).item<float>();
    }
}
