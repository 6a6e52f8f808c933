using TorchSharp;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// The lecture's steps, computed by libtorch's own kernels, so that every digit is rounded as PyTorch rounds it.
/// </summary>
public static class TorchLossSteps
{
    /// <summary>
    /// Computes softmax, arg-max, the targets' probabilities, their logarithms and the mean from a network's logits.
    /// </summary>
    /// <param name="logits">(B, T, V), single precision.</param>
    /// <param name="inputs">The ids from which the logits were computed, (B, T) row-major.</param>
    /// <param name="targets">The ids that follow them, (B, T) row-major.</param>
    /// <exception cref="ArgumentException">The shapes do not match, or a logit is NaN.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public static LossSteps Compute(torch.Tensor logits, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets)
    {
        if (logits.dim() != 3)
        {
            throw new ArgumentException(
                $"Logits must have three dimensions, (B, T, V); these are ({string.Join(", ", logits.shape)}).", nameof(logits));
        }

        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var values = logits.cpu().contiguous();
        var steps = LossSteps.Compute(
            values.data<float>().ToArray(), inputs, targets, (int)logits.shape[0], (int)logits.shape[1], (int)logits.shape[2]);

        var probabilities = functional.softmax(values, dim: -1); // (B, T, V)
        var index = torch.tensor(targets.ToArray(), torch.ScalarType.Int64).view(logits.shape[0], logits.shape[1], 1);
        var ofTargets = probabilities.gather(2, index).flatten(); // (B, T, V) -> (B T)
        var logarithms = ofTargets.log();
        return steps.WithNumbers(
            [.. probabilities.argmax(-1).flatten().data<long>().ToArray().Select(id => (int)id)],
            ofTargets.data<float>().ToArray(), logarithms.data<float>().ToArray(), logarithms.mean().item<float>());
    }
}
