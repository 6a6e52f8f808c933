using MLNet.Gpt.Data;
using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;
using TorchSharp;
using TorchSharp.Modules;

using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A TorchSharp network in training: automatic differentiation and AdamW on libtorch.</summary>
/// <remarks>
/// The constructor seeds libtorch's global generator, from which dropout draws: two concurrent training runs with
/// dropout in one process would draw from each other's numbers.
/// </remarks>
internal sealed class ModuleNetwork : ITrainableNetwork
{
    private const string GeneratorKey = "libtorch.generator";

    private readonly GptModule _module;
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly TrainingOptions _options;
    private readonly bool _wasTraining, _wasStepByStep, _isExact, _ownsModule;
    private readonly RetainedHeap _heap;
    private readonly Dictionary<string, bool> _hadGradients;
    private readonly TorchAdamW? _optimizer; // null only while a failing constructor cleans up

    /// <summary>Prepares a network for training in place.</summary>
    /// <param name="module">
    /// When this is disposed, the network is back in its previous mode, and the same weights as before require
    /// gradients.
    /// </param>
    /// <param name="options">How to train.</param>
    /// <param name="ownsModule">Whether to dispose the network together with this.</param>
    /// <remarks>If this throws, nothing has changed, and an owned network is disposed.</remarks>
    /// <exception cref="ArgumentException">
    /// The frozen weights are not in the network, or all of its weights are frozen.
    /// </exception>
    public ModuleNetwork(GptModule module, TrainingOptions options, bool ownsModule = false)
    {
        (_module, _options, _isExact, _ownsModule) = (module, options, options.Engine == TorchSharpEngine.PyTorchExact, ownsModule);
        (_wasTraining, _wasStepByStep) = (module.training, module.ComputesStepByStep);
        _parameters = module.ParametersByName();
        _hadGradients = _parameters.ToDictionary(pair => pair.Key, pair => pair.Value.requires_grad);
        _heap = new RetainedHeap();
        try
        {
            LibTorch.ApplyThreadCount();
            var trained = TrainedWeight.For(module.Config, options);
            foreach (var parameter in _parameters.Values) parameter.requires_grad = false;
            foreach (var weight in trained) _parameters[weight.Entry.Name].requires_grad = true;
            _optimizer = new TorchAdamW(
                trained.Select(weight => (weight.Entry.Name, _parameters[weight.Entry.Name], weight.WeightDecay)), options);

            module.ComputesStepByStep = _isExact;
            module.train();
            RandomSeed.Set(options.Seed);
            if (_isExact) new GptModule(module.Config).Dispose(); // the stream continues where the book's does
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IWeightSource Weights => new ParameterWeights(_module.Config, _parameters);

    public double Accumulate(TokenBatch batch, double share)
    {
        using var scope = torch.NewDisposeScope();
        var logits = BatchTensors.Logits(_module, batch); // (N, V)
        var targets = BatchTensors.Targets(batch);
        var loss = functional.cross_entropy(logits, targets, label_smoothing: _options.LabelSmoothing); // (N, V), (N) -> ()
        using Scalar factor = share;
        (share == 1 ? loss : loss * factor).backward();
        return loss.item<float>();
    }

    public double ClipGradients(double? maximumNorm)
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor[] gradients = [.. _optimizer!.Parameters.Select(parameter => parameter.grad).OfType<torch.Tensor>()];
        double norm = Math.Sqrt(gradients.Sum(gradient => Math.Pow(gradient.norm().item<float>(), 2)));
        if (maximumNorm is { } limit && GradientClipping.Factor(limit, norm) is var factor and < 1)
        {
            using Scalar scale = factor;
            foreach (var gradient in gradients) gradient.mul_(scale);
        }

        return norm;
    }

    public void Update(double learningRate)
    {
        _optimizer!.Step(learningRate);
        DiscardGradients();
    }

    public void DiscardGradients() => _module.zero_grad();

    public LossSummary Measure(TokenBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        _module.eval();
        try
        {
            // In the book, the mean of each batch is rounded to single precision.
            return _isExact
                ? LossSummary.Of(ModuleEvaluator.MeanLoss(_module, batch) * batch.TargetCount, batch.TargetCount)
                : ModuleEvaluator.Measure(_module, batch);
        }
        finally
        {
            _module.train();
        }
    }

    public IReadOnlyDictionary<string, byte[]> CaptureState()
    {
        var state = new Dictionary<string, byte[]>();
        _optimizer!.Capture(state);
        state[GeneratorKey] = CaptureRandom();
        return state;
    }

    public byte[] CaptureRandom()
    {
        using var generator = torch.get_rng_state();
        return generator.bytes.ToArray();
    }

    public void RestoreRandom(byte[] state)
    {
        using var generator = torch.tensor(state, torch.ScalarType.Byte);
        torch.set_rng_state(generator);
    }

    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state)
    {
        _module.Load(weights);
        _optimizer!.Restore(state);
        RestoreRandom(
            state.GetValueOrDefault(GeneratorKey) ?? throw new InvalidDataException($"The training state has no '{GeneratorKey}'."));
    }

    public void Dispose()
    {
        DiscardGradients();
        foreach (var (name, parameter) in _parameters) parameter.requires_grad = _hadGradients[name];
        _module.ComputesStepByStep = _wasStepByStep;
        _module.train(_wasTraining);
        _optimizer?.Dispose();
        if (_ownsModule) _module.Dispose();
        _heap.Dispose();
    }
}
