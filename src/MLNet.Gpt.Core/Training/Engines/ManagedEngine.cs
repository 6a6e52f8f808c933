using MLNet.Gpt.Data;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Training.Engines;

/// <summary>
/// Trains decoders without libtorch: handwritten forward and backward passes on the library's own kernels, and a fused
/// AdamW. The same weights, batches and options give the same bits for any number of threads.
/// </summary>
/// <remarks>Not thread-safe. The design follows A. Karpathy's llm.c.</remarks>
internal sealed unsafe class ManagedEngine : ITrainableNetwork
{
    private readonly GptConfig _config;
    private readonly ManagedEngineOptions _options;
    private readonly Compute _compute;
    private readonly Parameters _parameters;
    private readonly AdamW _optimizer;
    private readonly RotaryAngles _angles;
    private readonly FeedForwardFunction _function;
    private readonly SoftCap _logitCap;
    private Activations? _activations;
    private double[] _losses = [];
    private int[] _positions = []; // of each row in its window
    private ulong _seed;
    private ulong _batch;
    private double _gradientFactor = 1; // clipping that AdamW applies as it reads the gradients
    private bool _isDisposed;

    /// <summary>Creates an engine that starts from given weights, which it copies.</summary>
    /// <param name="weights">The initial weights, with the model's sizes and dropout rate.</param>
    /// <param name="options">How to train; <see langword="null"/> for the defaults.</param>
    /// <param name="kernels">The kernels to run on; <see langword="null"/> for the machine's best.</param>
    public ManagedEngine(IWeightSource weights, ManagedEngineOptions? options = null, KernelSet? kernels = null)
    {
        _config = weights.Config.Validated();
        _options = options ?? new();
        _compute = new(kernels ?? KernelSet.Best, _options.ThreadCount ?? Environment.ProcessorCount);
        _parameters = new(_config, _options.IsFrozen);
        _optimizer = new(_parameters, _options);
        _angles = new(_config);
        _function = FeedForwardFunction.Of(_config.FeedForward);
        _logitCap = SoftCap.Of(_config.LogitSoftCap);
        _seed = (ulong)_options.Seed;
        try
        {
            _parameters.Load(weights);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightSource Weights => _parameters;

    /// <inheritdoc/>
    public double Accumulate(TokenBatch batch, double share)
    {
        var a = Prepare(batch);
        ApplyClipping();
        int rows = batch.BatchSize * batch.Length;
        var dropout = new DropoutStream(_seed, _batch++, _config.DropoutRate);
        var network = _parameters.Network;

        Forward(batch, a, dropout);
        var gradients = new HeadGradients((float)(share / rows), a.Branch(rows), a.Panels);
        HeadLoss.Run(
            _compute, a.Normalized(rows), network.Head, _logitCap, batch.Targets, _options.LabelSmoothing, a.Logits, _losses,
            gradients);

        var gradient = a.Gradient(rows);
        _compute.ForEachRow(rows, row => Row.Clear(gradient.Row(row), gradient.Columns));
        DecoderBlock.BackwardNorm(
            _compute, network.FinalNorm, a.Residual(_config.LayerCount, rows), a.FinalStatistics, a.Branch(rows), gradient, a);
        for (int layer = _config.LayerCount - 1; layer >= 0; layer--)
        {
            var (shape, rotary) = PartsOf(layer, batch, a);
            DecoderBlock.Backward(_compute, _function, network.Blocks[layer], a, rotary, shape, layer, dropout);
        }

        Embedding.Backward(
            _compute, batch.Inputs, _positions, _config.EmbeddingFactor, gradient, dropout.Embedding, network.TokenEmbedding.WeightGradient,
            network.PositionEmbedding is { } positions ? positions.Gradient : null);
        return Sum(rows) / rows;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Only the norm is computed here. The factor is kept, and applied to the gradients when they are next read: by the
    /// step, by the next batch that adds to them, or by the next call.
    /// </remarks>
    public double ClipGradients(double? maximumNorm)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ApplyClipping();
        double norm = _optimizer.GradientNorm(_compute);
        if (maximumNorm is { } limit) _gradientFactor = GradientClipping.Factor(limit, norm);
        return norm;
    }

    /// <inheritdoc/>
    public void Update(double learningRate)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _optimizer.Update(_compute, learningRate, _gradientFactor);
        _gradientFactor = 1;
    }

    /// <inheritdoc/>
    public void DiscardGradients()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _optimizer.ScaleGradients(_compute, 0);
        _gradientFactor = 1;
    }

    /// <inheritdoc/>
    public LossSummary Measure(TokenBatch batch)
    {
        var a = Prepare(batch);
        int rows = batch.BatchSize * batch.Length;
        Forward(batch, a, new(_seed, 0, 0));
        HeadLoss.Run(
            _compute, a.Normalized(rows), _parameters.Network.Head, _logitCap, batch.Targets, 0, a.Logits, _losses, null);

        var summary = LossSummary.Empty;
        for (int row = 0; row < rows; row++) summary += LossSummary.Of(_losses[row]);
        return summary;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> CaptureState()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return EngineState.Capture(_parameters, _optimizer.Step, _batch, _seed);
    }

    /// <inheritdoc/>
    public byte[] CaptureRandom() => BitConverter.GetBytes(_batch);

    /// <inheritdoc/>
    public void RestoreRandom(byte[] state) => _batch = BitConverter.ToUInt64(state);

    /// <inheritdoc/>
    public void Restore(IWeightSource weights, IReadOnlyDictionary<string, byte[]> state)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var theirs = weights.Config with { DropoutRate = _config.DropoutRate }; // dropout has no weights
        if (theirs != _config)
        {
            throw new ArgumentException($"The weights belong to {weights.Config}; the network is {_config}.", nameof(weights));
        }

        var (step, batch, seed) = EngineState.Restore(_parameters, state);
        _parameters.Load(weights);
        (_optimizer.Step, _batch, _seed) = (step, batch, seed);
        DiscardGradients();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        _activations?.Dispose();
        _parameters.Dispose();
    }

    /// <summary>Size of the native memory between weights and loss.</summary>
    internal long ActivationBytes => _activations?.Length ?? 0;

    /// <summary>Returns a copy of a weight's gradient as accumulated since the last step.</summary>
    internal float[] Gradient(string name)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ApplyClipping();
        var slot = _parameters[name];
        float* gradient = _parameters.GradientOf(slot);
        return gradient is null
            ? throw new InvalidOperationException($"'{name}' is frozen.")
            : new ReadOnlySpan<float>(gradient, (int)slot.Length).ToArray();
    }

    /// <summary>From ids to the residual stream after the last norm.</summary>
    private void Forward(TokenBatch batch, Activations a, DropoutStream dropout)
    {
        int rows = batch.BatchSize * batch.Length;
        var network = _parameters.Network;
        Embedding.Forward(
            _compute, batch.Inputs, _positions, network.TokenEmbedding, _config.EmbeddingFactor,
            network.PositionEmbedding is { } positions ? positions.Pointer : null, dropout.Embedding, a.Residual(0, rows));
        for (int layer = 0; layer < _config.LayerCount; layer++)
        {
            var (shape, rotary) = PartsOf(layer, batch, a);
            var attention = new WindowAttention(shape, a.LogSumExp(layer), dropout.AttentionWeights(layer));
            DecoderBlock.Forward(
                _compute, _function, network.Blocks[layer], a.BuffersOf(layer, rows), rotary, attention,
                dropout.AttentionBranch(layer), dropout.FeedForwardBranch(layer));
        }

        network.FinalNorm.Kernel.Forward(_compute, a.Residual(_config.LayerCount, rows), a.Normalized(rows), a.FinalStatistics);
    }

    private (AttentionShape Shape, Rotary Rotary) PartsOf(int layer, TokenBatch batch, Activations a)
    {
        var shape = AttentionShape.Of(_config, batch.BatchSize, batch.Length, layer);
        return (shape, _angles.Of(_parameters.Network.Blocks[layer], shape, layer, batch.BatchSize * batch.Length, a.Angles));
    }

    private Activations Prepare(TokenBatch batch)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (batch.Length > _config.ContextLength)
        {
            throw new ArgumentException(
                $"The batch's windows have {batch.Length} tokens; the model takes at most {_config.ContextLength}, its context length.",
                nameof(batch));
        }

        TokenIds.Validate(batch.Inputs, _config.VocabularySize, nameof(batch));
        TokenIds.Validate(batch.Targets, _config.VocabularySize, nameof(batch));
        int rows = checked(batch.BatchSize * batch.Length);
        if (_activations is null || _activations.Capacity < rows)
        {
            _activations?.Dispose();
            _activations = new(_config, rows, _compute.Kernels);
            _losses = new double[rows];
            _positions = new int[rows];
        }

        for (int row = 0; row < rows; row++) _positions[row] = row % batch.Length;
        _angles.Fill(_compute, _positions, rows, _activations.Angles);
        return _activations;
    }

    // Applies pending clipping, which AdamW would apply as it reads the gradients.
    private void ApplyClipping()
    {
        if (_gradientFactor != 1) _optimizer.ScaleGradients(_compute, (float)_gradientFactor);
        _gradientFactor = 1;
    }

    private double Sum(int rows)
    {
        double sum = 0;
        for (int row = 0; row < rows; row++) sum += _losses[row];
        return sum;
    }
}
