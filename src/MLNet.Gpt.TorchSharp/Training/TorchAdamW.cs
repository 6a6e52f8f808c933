using System.Runtime.InteropServices;
using MLNet.Gpt.Configuration;
using TorchSharp;
using TorchSharp.Modules;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// AdamW with PyTorch's operations in PyTorch's order, per-parameter weight decay, and a state that can be captured and
/// restored.
/// </summary>
/// <remarks>Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.</remarks>
internal sealed class TorchAdamW : IDisposable
{
    private const string StepKey = "adamw.step", MeanKey = "adamw.mean.", SquareKey = "adamw.square.";

    private readonly TrainingOptions _options;
    private readonly Slot[] _slots;
    private long _step;

    public TorchAdamW(IEnumerable<(string Name, Parameter Parameter, double WeightDecay)> parameters, TrainingOptions options)
    {
        _options = options;
        using var scope = torch.NewDisposeScope(); // frees the moments if one of them does not fit in memory
        _slots = [.. parameters.Select(each => new Slot(
            each.Name, each.Parameter, each.WeightDecay, torch.zeros_like(each.Parameter), torch.zeros_like(each.Parameter)))];
        foreach (var slot in _slots) scope.Detach(slot.Mean, slot.Square);
    }

    public IEnumerable<Parameter> Parameters => _slots.Select(slot => slot.Parameter);

    public void Step(double learningRate)
    {
        using var noGradients = torch.no_grad();
        _step++;
        double meanCorrection = 1 - Math.Pow(_options.Beta1, _step), squareCorrection = 1 - Math.Pow(_options.Beta2, _step);

        // Variables, because a scalar that is created for a single call may be collected during the call.
        using Scalar beta1 = _options.Beta1, beta2 = _options.Beta2, newMean = 1 - _options.Beta1, newSquare = 1 - _options.Beta2;
        using Scalar rootOfCorrection = Math.Sqrt(squareCorrection), epsilon = _options.Epsilon, stepSize = -learningRate / meanCorrection;
        foreach (var (_, parameter, weightDecay, mean, square) in _slots)
        {
            using var scope = torch.NewDisposeScope();
            if (parameter.grad is not { } gradient) continue;
            using Scalar kept = 1 - (learningRate * weightDecay);
            parameter.mul_(kept);
            mean.mul_(beta1).add_(gradient, alpha: newMean);
            square.mul_(beta2).addcmul_(gradient, gradient, value: newSquare);
            var denominator = (square.sqrt() / rootOfCorrection).add_(epsilon);
            parameter.addcdiv_(mean, denominator, value: stepSize);
        }
    }

    /// <summary>Adds a copy of the state to a dictionary.</summary>
    public void Capture(Dictionary<string, byte[]> state)
    {
        state[StepKey] = BitConverter.GetBytes(_step);
        foreach (var slot in _slots)
        {
            state[MeanKey + slot.Name] = slot.Mean.bytes.ToArray();
            state[SquareKey + slot.Name] = slot.Square.bytes.ToArray();
        }
    }

    /// <summary>Restores a captured state.</summary>
    /// <exception cref="InvalidDataException">The state belongs to other parameters.</exception>
    public void Restore(IReadOnlyDictionary<string, byte[]> state)
    {
        Span<long> step = [0];
        Copy(state, StepKey, MemoryMarshal.AsBytes(step));
        _step = step[0];
        foreach (var slot in _slots)
        {
            Copy(state, MeanKey + slot.Name, slot.Mean.bytes);
            Copy(state, SquareKey + slot.Name, slot.Square.bytes);
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
        }
    }

    private static void Copy(IReadOnlyDictionary<string, byte[]> state, string key, Span<byte> destination)
    {
        if (!state.TryGetValue(key, out byte[]? bytes)) throw new InvalidDataException($"The training state has no '{key}'.");
        if (bytes.Length != destination.Length)
        {
            throw new InvalidDataException(
                $"The training state has {Quantity.Of(bytes.Length, "byte")} for '{key}'; it must have {destination.Length}.");
        }

        bytes.CopyTo(destination);
    }

    private sealed record Slot(string Name, Parameter Parameter, double WeightDecay, torch.Tensor Mean, torch.Tensor Square);
}
