using MLNet.Gpt.Configuration;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// GPT-2 as a trainable TorchSharp network: token ids (B, T) of type int64 -> logits (B, T, V). Its state dict has the
/// keys of <see cref="WeightNames"/>.
/// </summary>
/// <remarks>
/// Built as in S. Raschka, "Build a Large Language Model (From Scratch)", chapter 4, with libtorch's fused kernels
/// unless <see cref="ComputesStepByStep"/> is set.
/// </remarks>
public sealed class GptModule : Module<torch.Tensor, torch.Tensor>
{
    private static readonly Lock Creating = new();

    [ComponentName(Name = "tok_emb")]
    private readonly Embedding _tokenEmbedding;

    [ComponentName(Name = "pos_emb")]
    private readonly Embedding _positionEmbedding;

    [ComponentName(Name = "drop_emb")]
    private readonly Dropout _dropout;

    [ComponentName(Name = "trf_blocks")]
    private readonly Sequential _blocks;

    [ComponentName(Name = "final_norm")]
    private readonly LayerNorm _finalNorm;

    [ComponentName(Name = "out_head")]
    private readonly Linear? _head;

    /// <summary>
    /// Creates a network with the weights of <see cref="WeightInitialization.PyTorch"/>, drawn from libtorch's global
    /// generator in its current state; in training mode.
    /// </summary>
    /// <param name="config">The sizes.</param>
    /// <exception cref="ArgumentException">
    /// The configuration's properties contradict each other, or it is not that of a GPT-2.
    /// </exception>
    /// <exception cref="LibTorchUnavailableException">libtorch cannot be loaded here.</exception>
    public GptModule(GptConfig config)
        : base(Named(config))
    {
        Config = config;

        // The book's order: it determines which random numbers each matrix gets.
        _tokenEmbedding = Embedding(config.VocabularySize, config.EmbeddingWidth);
        _positionEmbedding = Embedding(config.ContextLength, config.EmbeddingWidth);
        _dropout = Dropout(config.DropoutRate);
        _blocks = Sequential(Enumerable.Range(0, config.LayerCount).Select(_ => new TransformerBlock(config)).ToArray());
        _finalNorm = new LayerNorm(config);
        _head = config.HasTiedHead ? null : Linear(config.EmbeddingWidth, config.VocabularySize, hasBias: false);
        RegisterComponents();
    }

    /// <summary>The network's sizes.</summary>
    public GptConfig Config { get; }

    /// <summary>
    /// Whether normalization, attention and GELU are computed by the book's operations, one by one, instead of
    /// libtorch's fused kernels: slower, and rounded as the book's own program rounds.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool ComputesStepByStep
    {
        get;
        set
        {
            field = value;
            foreach (var part in modules().OfType<IStepByStep>()) part.ComputesStepByStep = value;
        }
    }

    /// <summary>
    /// Seeds libtorch's global generator, like <c>torch.manual_seed</c>, and draws a network from it; in training mode.
    /// The generator is left in the state after the last weight.
    /// </summary>
    /// <param name="config">The sizes.</param>
    /// <param name="seed">
    /// The same seed gives the same weights; with <see cref="WeightInitialization.PyTorch"/>, those of the book.
    /// </param>
    /// <param name="initialization">The distributions that the weights are drawn from.</param>
    /// <exception cref="ArgumentException">The configuration's properties contradict each other.</exception>
    /// <exception cref="LibTorchUnavailableException">libtorch cannot be loaded here.</exception>
    public static GptModule Create(GptConfig config, long seed, WeightInitialization initialization = WeightInitialization.Default)
    {
        Check.Defined(initialization, nameof(initialization));
        lock (Creating)
        {
            RandomSeed.Set(seed);
            var module = new GptModule(config);
            bool isGpt2 = initialization == WeightInitialization.Default ? config.HasTiedHead : initialization == WeightInitialization.Gpt2;
            if (isGpt2) Gpt2Initialization.Apply(config, module.ParametersByName());
            return module;
        }
    }

    /// <summary>
    /// Creates a network with the given weights, in training mode. libtorch's global generator is left as it was.
    /// </summary>
    /// <exception cref="LibTorchUnavailableException">libtorch cannot be loaded here.</exception>
    public static GptModule FromWeights(IWeightSource weights)
    {
        LibTorch.EnsureLoaded();
        lock (Creating)
        {
            using var state = torch.get_rng_state();
            var module = new GptModule(weights.Config);
            torch.set_rng_state(state);
            module.Load(weights);
            return module;
        }
    }

    /// <summary>Computes logits (B, T, V) from token ids (B, T).</summary>
    /// <param name="input">
    /// Ids of type int64, two-dimensional; T is at least 1 and at most <see cref="GptConfig.ContextLength"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The ids have another shape or type, or T is greater than the context length.
    /// </exception>
    public override torch.Tensor forward(torch.Tensor input)
    {
        Validate(input);
        using var scope = torch.NewDisposeScope();
        using Scalar end = input.shape[1];
        using var positions = torch.arange(end, torch.ScalarType.Int64, input.device); // (T)
        var embedded = _tokenEmbedding.call(input) + _positionEmbedding.call(positions); // (B, T, C) + (T, C) -> (B, T, C)
        var hidden = _finalNorm.call(_blocks.call(_dropout.call(embedded))); // (B, T, C)
        var logits = _head is null
            ? functional.linear(hidden, _tokenEmbedding.weight!) // (B, T, C) -> (B, T, V)
            : _head.call(hidden);
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>Copies the weights to managed memory.</summary>
    public GptWeights ToWeights()
    {
        using var scope = torch.NewDisposeScope();
        var parameters = ParametersByName();
        var arrays = WeightNames.For(Config).ToDictionary(
            entry => entry.Name,
            entry => parameters[entry.Name].detach().cpu().to_type(torch.ScalarType.Float32).contiguous().data<float>().ToArray());
        return new GptWeights(Config, arrays);
    }

    /// <summary>Copies weights into the network.</summary>
    /// <exception cref="ArgumentException">The weights belong to a network with other sizes.</exception>
    public void Load(IWeightSource weights)
    {
        var theirs = weights.Config with { DropoutRate = Config.DropoutRate }; // dropout has no weights
        if (theirs != Config)
        {
            throw new ArgumentException($"The weights belong to {weights.Config}; the network is {Config}.", nameof(weights));
        }

        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var parameters = ParametersByName();
        foreach (var entry in WeightNames.For(Config))
        {
            float[] elements = new float[entry.ElementCount];
            weights.Read(entry.Name, 0, elements);
            long[] shape = [.. entry.Shape.Select(size => (long)size)];
            using var loaded = torch.frombuffer(elements, torch.ScalarType.Float32).view(shape);
            parameters[entry.Name].copy_(loaded);
        }
    }

    internal Dictionary<string, Parameter> ParametersByName() => named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);

    private static string Named(GptConfig config)
    {
        if (!config.Validated().IsPlainGpt2)
        {
            throw new ArgumentException(
                $"TorchSharp's network is the book's GPT-2; it does not support the parts of {config}. The managed engine does.",
                nameof(config));
        }

        LibTorch.EnsureLoaded(); // before the base class creates a TorchSharp module
        return nameof(GptModule);
    }

    private static string Shape(torch.Tensor tensor) => $"({string.Join(", ", tensor.shape)})";

    private void Validate(torch.Tensor input)
    {
        if (input.dim() != 2 || input.dtype != torch.ScalarType.Int64)
        {
            throw new ArgumentException(
                $"Token ids must be (B, T) of type int64; these are {Shape(input)} of type {input.dtype}.", nameof(input));
        }

        long tokens = input.shape[1];
        if (tokens < 1 || tokens > Config.ContextLength)
        {
            throw new ArgumentException(
                $"There are {tokens} tokens; the network takes from 1 to {Config.ContextLength}, its context length.", nameof(input));
        }
    }
}
