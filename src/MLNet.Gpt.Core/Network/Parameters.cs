using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Random;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>A weight's place in training's memory.</summary>
/// <param name="Name">Its name, one of <see cref="WeightNames"/>.</param>
/// <param name="Offset">Weights before it.</param>
/// <param name="StateOffset">Gradients before its own; -1 if it is frozen.</param>
/// <param name="Length">Numbers in it.</param>
/// <param name="IsMatrix">Whether it has two dimensions.</param>
internal sealed record ParameterSlot(string Name, long Offset, long StateOffset, long Length, bool IsMatrix)
{
    /// <summary>Whether it is not trained, and has neither gradient nor moments.</summary>
    public bool IsFrozen => StateOffset < 0;
}

/// <summary>
/// Weights in flat native memory and, with a layout of their own for all three, gradients and AdamW's two moments of those that
/// are trained. Weights that are used as one matrix, such as query, key and value, are adjacent.
/// </summary>
internal sealed unsafe class Parameters : IWeightSource, IDisposable
{
    private const int Alignment = 16; // numbers in a cache line

    private readonly Dictionary<string, WeightEntry> _entries;
    private readonly Dictionary<string, ParameterSlot> _slots = [];
    private readonly Func<string, bool> _isFrozen;
    private readonly LoraOptions? _lora;
    private readonly ModelWeights? _frozen;
    private readonly HashSet<string> _targets;
    private readonly AdapterScratch _scratch = new();
    private readonly List<(string Target, ParameterSlot A, ParameterSlot B)> _adapters = [];
    private int _matrixCount;
    private readonly NativeBlock _values, _gradients, _firstMoments, _secondMoments;
    private PackedWeightReader? _frozenReader;
    private byte[]? _fingerprint;
    private long _length, _stateLength;

    /// <param name="config">The model's sizes.</param>
    /// <param name="isFrozen">Whether the weight with a name is not trained.</param>
    /// <param name="lora">The adapters that are trained; <see langword="null"/> if there are none.</param>
    /// <param name="frozen">
    /// Packed weights, which the caller owns, that are used for what is not trained; <see langword="null"/> to have copies of all.
    /// </param>
    public Parameters(GptConfig config, Func<string, bool> isFrozen, LoraOptions? lora = null, ModelWeights? frozen = null)
    {
        Config = config;
        _isFrozen = isFrozen;
        (_lora, _frozen) = (lora, frozen);
        _targets = lora is null ? [] : [.. LoraTargets.Of(config, lora).Select(entry => entry.Name)];
        _entries = WeightNames.For(config).ToDictionary(entry => entry.Name);
        Network = new(config, CreateMatrix, CreateVector);
        _values = Allocate(_length, "the trained weights");
        _gradients = Allocate(_stateLength, "the gradients");
        _firstMoments = Allocate(_stateLength, "the first moments of the optimizer");
        _secondMoments = Allocate(_stateLength, "the second moments of the optimizer");
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <summary>The weights and gradients in the form used for computing.</summary>
    public NetworkWeights<TrainedMatrix, TrainedVector> Network { get; }

    /// <summary>
    /// SHA-256 of numbers from every packed weight that is not trained, by which another model is recognized; <see langword="null"/> if
    /// all weights are copies.
    /// </summary>
    public byte[]? FrozenFingerprint => _frozen is null ? null : _fingerprint ??= Fingerprint(_frozen);

    /// <inheritdoc cref="AdapterScratch.Begin"/>
    public void BeginPass(DropoutStream? dropout) => _scratch.Begin(dropout);

    /// <summary>Every weight, in the order in memory, A and Bᵀ of adapters included.</summary>
    public IReadOnlyCollection<ParameterSlot> Slots => _slots.Values;

    /// <summary>The weights.</summary>
    public float* Values => (float*)_values.Pointer;

    /// <summary>Their gradients, as accumulated so far.</summary>
    public float* Gradients => (float*)_gradients.Pointer;

    /// <summary>AdamW's running means of the gradients.</summary>
    public float* FirstMoments => (float*)_firstMoments.Pointer;

    /// <summary>AdamW's running means of their squares.</summary>
    public float* SecondMoments => (float*)_secondMoments.Pointer;

    /// <summary>Returns the gradient of a weight; <see langword="null"/> if it is frozen.</summary>
    public float* GradientOf(ParameterSlot slot) => slot.IsFrozen ? null : Gradients + slot.StateOffset;

    /// <summary>Returns the place of a weight.</summary>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    public ParameterSlot this[string name] => _slots.TryGetValue(name, out var slot)
        ? slot
        : throw new KeyNotFoundException($"There is no weight '{name}' in this model.");

    /// <summary>Copies weights in; adapters stay as they are.</summary>
    public void Load(IWeightSource source)
    {
        foreach (var slot in Slots.Where(slot => _entries.ContainsKey(slot.Name))) source.Read(slot.Name, 0, SpanOf(slot));
    }

    /// <summary>Draws A of each adapter from PEFT's distribution, U(−1/√in, 1/√in), and sets B to 0.</summary>
    public void InitializeAdapters(long seed)
    {
        var random = new PyTorchGenerator(seed);
        foreach (var (_, a, b) in _adapters)
        {
            double bound = 1 / Math.Sqrt(a.Length / (double)_lora!.Rank);
            random.FillUniform(SpanOf(a), -bound, bound);
            SpanOf(b).Clear();
        }
    }

    /// <summary>Copies adapters, and weights beside them, in.</summary>
    /// <exception cref="ArgumentException">Their matrices or ranks are not those of the options.</exception>
    public void LoadAdapter(IReadOnlyList<LoraMatrix> matrices, IReadOnlyDictionary<string, float[]> weights)
    {
        var updates = matrices.ToDictionary(matrix => matrix.Target);
        string patterns = $"{nameof(_lora.Targets)} ({string.Join(", ", _lora!.Targets)})";
        if (updates.Keys.FirstOrDefault(target => !_targets.Contains(target)) is { } unknown)
        {
            throw new ArgumentException($"The adapter updates '{unknown}', which {patterns} does not match.");
        }

        foreach (var (name, weight) in weights)
        {
            if (!_slots.TryGetValue(name, out var slot))
            {
                throw new ArgumentException(
                    $"The adapter replaces '{name}', which {nameof(_lora.TrainedWeights)} ({string.Join(", ", _lora.TrainedWeights)}) "
                    + "does not match.");
            }

            if (slot.Length != weight.LongLength)
            {
                throw new ArgumentException(
                    $"The adapter replaces '{name}' by {Quantity.Of(weight.LongLength, "number")}; the model has "
                    + $"{Quantity.Of(slot.Length, "number")} there.");
            }

            weight.CopyTo(SpanOf(slot));
        }

        foreach (var (target, a, b) in _adapters)
        {
            if (!updates.TryGetValue(target, out var matrix))
            {
                throw new ArgumentException($"{patterns} matches '{target}', which the adapter does not update.");
            }

            if (matrix.Rank != _lora.Rank)
            {
                throw new ArgumentException(
                    $"The adapter of '{target}' has {nameof(_lora.Rank)} {matrix.Rank}; "
                    + $"the options have {nameof(_lora.Rank)} {_lora.Rank}.");
            }

            matrix.A.CopyTo(SpanOf(a));
            LowRank.Transpose(matrix.B, matrix.Rows, SpanOf(b));

            // B takes up the ratio of the scales, unless it is 1 in single precision, in which a file has α.
            double ratio = matrix.Scale / _lora.Scale;
            if (Math.Abs(ratio - 1) > 1e-6) TensorPrimitives.Multiply(SpanOf(b), (float)ratio, SpanOf(b));
        }
    }

    /// <summary>Copies the adapters.</summary>
    public IReadOnlyList<LoraMatrix> CopyAdapters() => [.. _adapters.Select(each =>
    {
        float[] b = new float[each.B.Length];
        LowRank.Transpose(SpanOf(each.B), _lora!.Rank, b);
        return new LoraMatrix(each.Target, _lora.Rank, _lora.Scale, SpanOf(each.A).ToArray(), b);
    })];

    /// <summary>Copies the weights, other than adapters, that are not those of the frozen model.</summary>
    public IReadOnlyDictionary<string, float[]> CopyWeights() =>
        Slots.Where(slot => _entries.ContainsKey(slot.Name)).ToDictionary(slot => slot.Name, slot => SpanOf(slot).ToArray());

    /// <inheritdoc/>
    /// <remarks>Weights without their adapters.</remarks>
    public void Read(string name, long start, Span<float> destination)
    {
        using var lease = _values.Borrow();
        if (_frozen is not null && !_slots.ContainsKey(name))
        {
            (_frozenReader ??= new(_frozen)).Read(name, start, destination);
            return;
        }

        var slot = this[name];
        Check.ElementRange(start, destination.Length, slot.Length, name);
        new ReadOnlySpan<float>(Values + slot.Offset + start, destination.Length).CopyTo(destination);
    }

    public void Dispose()
    {
        _values.Dispose();
        _gradients.Dispose();
        _firstMoments.Dispose();
        _secondMoments.Dispose();
        _scratch.Dispose();
        foreach (var (_, matrix) in Network.Matrices) (matrix as IDisposable)?.Dispose();
    }

    private static NativeBlock Allocate(long length, string purpose) =>
        NativeBlock.Allocate(sizeof(float) * length, purpose, willBeFilled: true);

    private static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private static byte[] Fingerprint(ModelWeights weights)
    {
        const int Most = 1024;
        var reader = new PackedWeightReader(weights);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        float[] numbers = new float[Most];
        foreach (var entry in WeightNames.For(weights.Config))
        {
            var read = numbers.AsSpan(0, (int)Math.Min(Most, entry.ElementCount));
            reader.Read(entry.Name, entry.ElementCount - read.Length, read);
            hash.AppendData(MemoryMarshal.AsBytes(read));
        }

        return hash.GetHashAndReset();
    }

    private Span<float> SpanOf(ParameterSlot slot) => new(Values + slot.Offset, checked((int)slot.Length));

    private TrainedMatrix CreateMatrix(MatrixEntry entry)
    {
        // A head of scores belongs to what is trained, even if only its adapter is.
        var packed = entry.Names.All(_isFrozen) && entry.Names is not [WeightNames.Score] ? _frozen?.Find(entry) : null;
        TrainedMatrix matrix = packed is null
            ? new DenseMatrix(this, entry, AddSlots(entry.Names), AddSlots(entry.BiasNames))
            : new FrozenMatrix(this, entry, packed, entry.BiasNames.All(_isFrozen) ? [] : AddSlots(entry.BiasNames), _scratch);
        int site = _matrixCount++;

        string[] names = LoraTargets.NamesOf(Config, entry);
        int[] parts = [.. Enumerable.Range(0, names.Length).Where(part => _targets.Contains(names[part]))];
        if (parts.Length == 0) return matrix;
        int rank = _lora!.Rank;
        var a = AddSlots(parts.Select(part => (LoraTargets.NameOfA(names[part]), (long)rank * entry.Columns, true, false)));
        var b = AddSlots(parts.Select(part => (LoraTargets.NameOfB(names[part]), (long)rank * entry.PartRows[part], true, false)));
        for (int i = 0; i < parts.Length; i++) _adapters.Add((names[parts[i]], a[i], b[i]));
        var adapters = parts.Select((part, i) => (entry.FirstRowOf(part), entry.PartRows[part], a[i], b[i]));
        return new AdaptedMatrix(this, matrix, entry.Columns, [.. adapters], _lora, site, _scratch);
    }

    private TrainedVector CreateVector(VectorEntry entry) => _isFrozen(entry.Name) && _frozen?.Find(entry) is { } vector
        ? new(this, vector)
        : new(this, AddSlots([entry.Name])[0]);

    private ParameterSlot[] AddSlots(string[] names) => AddSlots(names.Select(name =>
        (name, _entries[name].ElementCount, _entries[name].Shape.Count > 1, _isFrozen(name))));

    private ParameterSlot[] AddSlots(IEnumerable<(string Name, long Length, bool IsMatrix, bool IsFrozen)> weights)
    {
        (_length, _stateLength) = (Aligned(_length), Aligned(_stateLength));
        return [.. weights.Select(weight =>
        {
            var slot = new ParameterSlot(weight.Name, _length, weight.IsFrozen ? -1 : _stateLength, weight.Length, weight.IsMatrix);
            _slots.Add(slot.Name, slot);
            _length += slot.Length;
            if (!slot.IsFrozen) _stateLength += slot.Length;
            return slot;
        })];
    }
}

/// <summary>A matrix in training's memory, (rows, columns), with its bias and the gradients of what is trained of both.</summary>
internal sealed unsafe class DenseMatrix : TrainedMatrix
{
    private readonly Parameters _parameters;
    private readonly MatrixEntry _entry;
    private readonly ParameterSlot[] _weights, _biases;
    private readonly (int FirstRow, int Rows, ParameterSlot Weight, ParameterSlot? Bias)[] _trained;

    public DenseMatrix(Parameters parameters, MatrixEntry entry, ParameterSlot[] weights, ParameterSlot[] biases)
    {
        (_parameters, _entry, _weights, _biases) = (parameters, entry, weights, biases);
        _trained = [.. TrainedRows()];
    }

    /// <inheritdoc/>
    public override int Rows => _entry.Rows;

    /// <inheritdoc/>
    public override bool IsTrained => _trained.Length > 0;

    /// <inheritdoc/>
    public override float* Bias => _biases.Length == 0 ? null : _parameters.Values + _biases[0].Offset;

    /// <inheritdoc/>
    public override float* WeightGradient => _parameters.GradientOf(_weights[0]);

    private Matrix Weight => new(_parameters.Values + _weights[0].Offset, _entry.Rows, _entry.Columns, _entry.Columns);

    /// <inheritdoc/>
    public override void CopyRow(int row, float* destination) => Row.Copy(Weight.Row(row), destination, _entry.Columns);

    /// <inheritdoc/>
    public override void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink) =>
        BlockedProduct.Run(compute, x, new TransposedPanels(Weight, compute.Kernels), sink);

    /// <inheritdoc/>
    public override void BackwardInput<TSink>(Compute compute, Matrix dy, int firstOutput, TSink sink) =>
        Linear.BackwardInput(compute, dy, Weight.Slice(firstOutput, dy.Columns), sink);

    /// <inheritdoc/>
    public override void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* panels)
    {
        foreach (var (firstRow, rows, weight, bias) in _trained)
        {
            Linear.BackwardParameters(
                compute, x, dy.SliceColumns(firstRow, rows), _parameters.GradientOf(weight),
                bias is null ? null : _parameters.GradientOf(bias), panels);
        }
    }

    // Adjacent parts of which the same is trained are one range of rows.
    private IEnumerable<(int FirstRow, int Rows, ParameterSlot Weight, ParameterSlot? Bias)> TrainedRows()
    {
        for (int part = 0, end; part < _weights.Length; part = end)
        {
            var form = FormOf(part);
            for (end = part + 1; end < _weights.Length && FormOf(end) == form;) end++;
            if (form == (true, true)) continue;
            yield return (
                _entry.FirstRowOf(part), _entry.PartRows[part..end].Sum(), _weights[part], _biases.Length == 0 ? null : _biases[part]);
        }

        (bool HasFrozenWeight, bool HasFrozenBias) FormOf(int part) =>
            (_weights[part].IsFrozen, _biases.Length == 0 || _biases[part].IsFrozen);
    }
}

/// <summary>A vector in training's memory, with its gradient, or a frozen one.</summary>
internal sealed unsafe class TrainedVector : IWeightVector
{
    private readonly Parameters _parameters;
    private readonly ParameterSlot? _slot;
    private readonly PackedVector? _frozen;

    public TrainedVector(Parameters parameters, ParameterSlot slot) => (_parameters, _slot) = (parameters, slot);

    public TrainedVector(Parameters parameters, PackedVector frozen) => (_parameters, _frozen) = (parameters, frozen);

    /// <inheritdoc/>
    public float* Pointer => _slot is null ? _frozen!.Pointer : _parameters.Values + _slot.Offset;

    /// <summary>Whether it is trained.</summary>
    public bool IsTrained => _slot is { IsFrozen: false };

    /// <summary>The gradient; <see langword="null"/> if the weight is frozen.</summary>
    public float* Gradient => _slot is null ? null : _parameters.GradientOf(_slot);
}
