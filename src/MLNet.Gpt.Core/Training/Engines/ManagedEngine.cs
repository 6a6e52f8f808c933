using System.Collections.ObjectModel;
using MLNet.Gpt.Data;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
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
    private readonly ModelWeights? _frozen; // with adapters, the weights that are not trained
    private readonly AdamW _optimizer;
    private readonly RotaryAngles _angles;
    private readonly FeedForwardFunction _function;
    private readonly SoftCap _logitCap;
    private readonly TrainedParts _trained;
    private Activations? _activations;
    private double[] _losses = [];
    private int[] _positions = []; // of each row in its sequence
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
        _options = options ?? new();
        _config = (weights.Config with { ScoreCount = _options.ScoreCount ?? weights.Config.ScoreCount }).Validated();
        kernels ??= KernelSet.Best;
        int threads = _options.ThreadCount ?? Environment.ProcessorCount;
        if (_options.Lora is not null) _frozen = FrozenWeights(weights, kernels, threads);
        _compute = new(_frozen?.Kernels ?? kernels, threads);
        _parameters = new(_config, _options.IsFrozen, _options.Lora, _frozen);
        _trained = new(_parameters.Network);
        _optimizer = new(_parameters, _options);
        _angles = new(_config);
        _function = FeedForwardFunction.Of(_config.FeedForward);
        _logitCap = SoftCap.Of(_config.LogitSoftCap);
        _seed = (ulong)_options.Seed;
        try
        {
            bool hasHead = weights.Config.ScoreCount == _config.ScoreCount;
            _parameters.Load(hasHead ? weights : new NewScoreHead(
                weights, _config, _options.Seed, hasBias: !_options.IsFrozen(WeightNames.ScoreBias)));
            if (_options.InitialAdapter is { } adapter) LoadAdapter(adapter);
            else _parameters.InitializeAdapters(_options.Seed);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightSource Weights => _frozen is null
        ? _parameters
        : new MergedWeights(_parameters, _config, _parameters.CopyAdapters(), ReadOnlyDictionary<string, float[]>.Empty);

    /// <inheritdoc/>
    public LoraAdapter? CopyAdapter() =>
        _frozen is null ? null : new(_config, _parameters.CopyAdapters(), _parameters.CopyWeights()) { Dropout = _options.Lora!.Dropout };

    /// <summary>Starts from an adapter of the same matrices and ranks, and its weights.</summary>
    /// <exception cref="ArgumentException">It does not fit.</exception>
    public void LoadAdapter(LoraAdapter adapter)
    {
        adapter.CheckFits(_config);
        _parameters.LoadAdapter(adapter.Matrices, adapter.Weights);
    }

    /// <inheritdoc/>
    public double Accumulate(TokenBatch batch, double share)
    {
        var a = Prepare(batch);
        ApplyClipping();
        int rows = batch.RowCount, counted = batch.TargetCount;
        var dropout = new DropoutStream(_seed, _batch++, _config.DropoutRate);
        var network = _parameters.Network;
        _parameters.BeginPass(dropout);
        Forward(batch, a, dropout);
        float factor = (float)(share / counted);
        if (batch.IsLabeled) ScoreHead(batch, a, _options.LabelSmoothing, factor);
        else TokenHead(batch, a, _options.LabelSmoothing, factor);
        if (_trained.IsHeadOnly) return Sum(counted) / counted;

        Spread(batch, a);
        var gradient = a.Gradient(rows);
        _compute.ForEachRow(rows, row => Row.Clear(gradient.Row(row), gradient.Columns));
        DecoderBlock.BackwardNorm(
            _compute, network.FinalNorm, a.Residual(_config.LayerCount, rows), a.FinalStatistics, a.Branch(rows), gradient, a);
        for (int layer = _config.LayerCount - 1; layer >= _trained.FirstBlock; layer--)
        {
            var (shape, rotary) = PartsOf(layer, batch, a);
            DecoderBlock.Backward(
                _compute, _function, network.Blocks[layer], a, rotary, shape, batch.Starts, layer, dropout, _trained.DepthOf(layer));
        }

        if (_trained.HasEmbedding)
        {
            Embedding.Backward(
                _compute, batch.Inputs, _positions, _config.EmbeddingFactor, gradient, dropout.Embedding,
                network.TokenEmbedding.WeightGradient, network.PositionEmbedding is { } positions ? positions.Gradient : null);
        }

        return Sum(counted) / counted;
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
        _parameters.BeginPass(dropout: null);
        Forward(batch, a, new(_seed, 0, 0));
        if (batch.IsLabeled) ScoreHead(batch, a, smoothing: 0, factor: null);
        else TokenHead(batch, a, smoothing: 0, factor: null);

        var summary = LossSummary.Empty;
        for (int row = 0; row < batch.TargetCount; row++) summary += LossSummary.Of(_losses[row]);
        return summary;
    }

    /// <inheritdoc/>
    public int? CorrectCount { get; private set; }

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
        if (_frozen is null && theirs != _config)
        {
            throw new ArgumentException($"The weights belong to {weights.Config}; the network is {_config}.", nameof(weights));
        }

        var (step, batch, seed) = EngineState.Restore(_parameters, state);
        if (_frozen is null) _parameters.Load(weights);
        (_optimizer.Step, _batch, _seed) = (step, batch, seed);
        DiscardGradients();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        _activations?.Dispose();
        _parameters.Dispose();
        _frozen?.Dispose();
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

    /// <summary>From ids to the rows that count of the residual stream after the last norm, which become the first ones.</summary>
    private void Forward(TokenBatch batch, Activations a, DropoutStream dropout)
    {
        int rows = batch.RowCount;
        var network = _parameters.Network;
        Embedding.Forward(
            _compute, batch.Inputs, _positions, network.TokenEmbedding, _config.EmbeddingFactor,
            network.PositionEmbedding is { } positions ? positions.Pointer : null, dropout.Embedding, a.Residual(0, rows));
        for (int layer = 0; layer < _config.LayerCount; layer++)
        {
            var (shape, rotary) = PartsOf(layer, batch, a);
            var attention = new SequenceAttention(shape, batch.Starts, a.LogSumExp(layer), dropout.AttentionWeights(layer));
            DecoderBlock.Forward(
                _compute, _function, network.Blocks[layer], a.BuffersOf(layer, rows), rotary, attention,
                dropout.AttentionBranch(layer), dropout.FeedForwardBranch(layer));
        }

        var normalized = a.Normalized(rows);
        network.FinalNorm.Kernel.Forward(_compute, a.Residual(_config.LayerCount, rows), normalized, a.FinalStatistics);
        if (batch.CountedRows is not { } counted) return;
        for (int i = 0; i < counted.Length; i++)
        {
            if (counted[i] != i) Row.Copy(normalized.Row(counted[i]), normalized.Row(i), normalized.Columns);
        }
    }

    /// <summary>From the rows that count to the losses of their targets, and with a factor to the gradient of the rows.</summary>
    private void TokenHead(TokenBatch batch, Activations a, double smoothing, float? factor)
    {
        int counted = batch.TargetCount;
        var head = _parameters.Network.Head;
        var gradients = factor is { } share
            ? new HeadGradients(share, _trained.IsHeadOnly ? null : a.Branch(counted), a.Panels)
            : null;
        HeadLoss.Run(
            _compute, a.Normalized(counted), head, _logitCap, batch.CountedTargets, smoothing, a.Logits, _losses, gradients);
    }

    /// <summary>The same for the last rows of labeled sequences, by the head of scores.</summary>
    private void ScoreHead(TokenBatch batch, Activations a, double smoothing, float? factor)
    {
        int counted = batch.TargetCount;
        var head = _parameters.Network.Head;
        Matrix hidden = a.Normalized(counted), scores = a.Scores(counted);
        head.Multiply(_compute, hidden, null, new StoreSink(scores, head.Bias)); // (S, C) -> (S, K)
        CorrectCount = batch.Labels is { } classes ? ScoreLoss.CountCorrect(scores, classes) : null;
        if (batch.Labels is { } labels) ScoreLoss.OfClasses(_compute, scores, labels, smoothing, _losses, factor);
        else ScoreLoss.OfNumbers(scores, batch.Values!, _losses, factor);
        if (factor is null) return;
        head.BackwardParameters(_compute, hidden, scores, a.Panels);
        if (!_trained.IsHeadOnly) head.BackwardInput(_compute, scores, new StoreSink(a.Branch(counted))); // (S, K) -> (S, C)
    }

    /// <summary>Moves the gradient of the rows that count to where they are among all rows; that of the others is 0.</summary>
    private static void Spread(TokenBatch batch, Activations a)
    {
        if (batch.CountedRows is not { } counted) return;
        var all = a.Branch(batch.RowCount);
        for (int row = batch.RowCount - 1, last = counted.Length - 1; row >= 0; row--)
        {
            if (last < 0 || counted[last] != row) Row.Clear(all.Row(row), all.Columns);
            else if (last != row) Row.Copy(all.Row(last--), all.Row(row), all.Columns);
            else break; // the rows before this one all count
        }
    }

    private (AttentionShape Shape, Rotary Rotary) PartsOf(int layer, TokenBatch batch, Activations a)
    {
        var shape = AttentionShape.Of(_config, layer);
        return (shape, _angles.Of(_parameters.Network.Blocks[layer], shape, layer, batch.RowCount, a.Angles));
    }

    private Activations Prepare(TokenBatch batch)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (batch.Length > _config.ContextLength)
        {
            throw new ArgumentException(
                $"A sequence of the batch has {batch.Length} tokens; the model takes at most {_config.ContextLength}, its context length.",
                nameof(batch));
        }

        if (batch.TargetCount == 0) throw new ArgumentException("The batch has no target that counts.", nameof(batch));
        bool hasScores = _config.ScoreCount is not null;
        if (batch.IsLabeled != hasScores || (batch.Values is not null && _config.ScoreCount != 1))
        {
            throw new ArgumentException("The batch does not have the targets of the model's head.", nameof(batch));
        }

        TokenIds.Validate(batch.Inputs, _config.VocabularySize, nameof(batch));
        if (!batch.IsLabeled) TokenIds.Validate(batch.CountedTargets, _config.VocabularySize, nameof(batch));
        if (batch.Labels is { } labels) TokenIds.Validate(labels, _config.ScoreCount!.Value, nameof(batch));
        int rows = batch.RowCount;
        if (_activations is null || _activations.Capacity < rows)
        {
            _activations?.Dispose();
            _activations = new(_config, rows, _compute.Kernels, _trained.FirstBlock);
            _losses = new double[rows];
            _positions = new int[rows];
        }

        for (int sequence = 0; sequence < batch.BatchSize; sequence++)
        {
            int first = batch.Starts[sequence];
            for (int row = first; row < batch.Starts[sequence + 1]; row++) _positions[row] = row - first;
        }

        _angles.Fill(_compute, _positions, rows, _activations.Angles);
        return _activations;
    }

    // The matrices of a model are used as they are; other weights are packed without rounding. A head of scores is never frozen.
    private static ModelWeights FrozenWeights(IWeightSource weights, KernelSet kernels, int threads)
    {
        if (weights is IPackedWeights packed) return packed.Share();
        var decoder = weights.Config.ScoreCount is null ? weights : new HeadlessWeights(weights);
        return WeightPacker.Pack(decoder, WeightPrecision.Float32, kernels, threads, progress: null, CancellationToken.None);
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
