using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;

namespace MLNet.Gpt.Training;

/// <summary>AdamW by PyTorch's operations in PyTorch's order, with a weight decay for each parameter, and a state that can be taken and given back.</summary>
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
        _slots = [.. parameters.Select(each => new Slot(
            each.Name, each.Parameter, each.WeightDecay, torch.zeros_like(each.Parameter).DetachFromDisposeScope(), torch.zeros_like(each.Parameter).DetachFromDisposeScope()))];
    }

    public IEnumerable<Parameter> Parameters => _slots.Select(slot => slot.Parameter);

    public void Step(double learningRate)
    {
        using var noGradients = torch.no_grad();
        _step++;
        double meanCorrection = 1 - Math.Pow(_options.Beta1, _step), squareCorrection = 1 - Math.Pow(_options.Beta2, _step);
        foreach (var (_, parameter, weightDecay, mean, square) in _slots)
        {
            using var scope = torch.NewDisposeScope();
            if (parameter.grad is not { } gradient) continue;
            parameter.mul_(1 - (learningRate * weightDecay));
            mean.mul_(_options.Beta1).add_(gradient, alpha: 1 - _options.Beta1);
            square.mul_(_options.Beta2).addcmul_(gradient, gradient, value: 1 - _options.Beta2);
            var denominator = (square.sqrt() / Math.Sqrt(squareCorrection)).add_(_options.Epsilon);
            parameter.addcdiv_(mean, denominator, value: -learningRate / meanCorrection);
        }
    }

    /// <summary>Adds a copy of the state to others.</summary>
    public void Capture(Dictionary<string, byte[]> state)
    {
        state[StepKey] = BitConverter.GetBytes(_step);
        foreach (var slot in _slots)
        {
            state[MeanKey + slot.Name] = slot.Mean.bytes.ToArray();
            state[SquareKey + slot.Name] = slot.Square.bytes.ToArray();
        }
    }

    /// <summary>Takes the state back.</summary>
    /// <exception cref="InvalidDataException">The state is not of these parameters.</exception>
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
        if (!state.TryGetValue(key, out byte[]? bytes)) throw new InvalidDataException($"The training state lacks '{key}'.");
        if (bytes.Length != destination.Length) throw new InvalidDataException($"The training state holds {bytes.Length} bytes for '{key}', where {destination.Length} are needed.");
        bytes.CopyTo(destination);
    }

    private sealed record Slot(string Name, Parameter Parameter, double WeightDecay, torch.Tensor Mean, torch.Tensor Square);
}
