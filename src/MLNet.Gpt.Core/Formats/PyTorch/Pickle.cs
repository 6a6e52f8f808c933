namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// The name of a Python function or class in a pickle. It is only a name: nothing is looked up and nothing is called.
/// </summary>
/// <param name="Module">The module.</param>
/// <param name="Name">The name in it.</param>
internal sealed record PickleGlobal(string Module, string Name)
{
    // What PyTorch's own restricted reader (weights_only) accepts but no weight consists of, and what training programs
    // save with the weights: NumPy's scalars and arrays, and parsed arguments. Protocol 2 writes Python 2's name for
    // builtins. Source: torch/_weights_only_unpickler.py.
    private static readonly Dictionary<string, HashSet<string>> OpaqueNames = new(StringComparer.Ordinal)
    {
        ["torch"] =
        [
            "float16", "float32", "float64", "half", "float", "double", "bfloat16", "uint8", "uint16", "uint32",
            "uint64", "int8", "int16", "int32", "int64",
            "short", "int", "long", "bool", "complex32", "complex64", "complex128", "chalf", "cfloat", "cdouble",
            "quint8", "qint8", "qint32", "quint4x2", "quint2x4",
            "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "device", "Tensor",
            "strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "contiguous_format",
            "channels_last", "channels_last_3d", "preserve_format",
            "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric", "per_channel_affine_float_qparams",
        ],
        ["torch.nn.parameter"] = ["Parameter"],
        ["torch.serialization"] = ["_get_layout"],
        ["torch._utils"] =
        [
            "_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor",
            "_rebuild_device_tensor_from_numpy",
            "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_tensor_v3",
        ],
        ["collections"] = ["Counter"],
        ["builtins"] = ["set", "frozenset", "complex", "bytearray", "bytes", "int", "float", "str", "list", "dict", "tuple", "bool"],
        ["_codecs"] = ["encode"],
        ["argparse"] = ["Namespace"],
        ["numpy"] = ["dtype", "ndarray"],
        ["numpy.core.multiarray"] = ["scalar", "_reconstruct"],
        ["numpy._core.multiarray"] = ["scalar", "_reconstruct"],
    };

    public static PickleGlobal OrderedDict { get; } = new("collections", "OrderedDict");

    public static PickleGlobal DefaultDict { get; } = new("collections", "defaultdict");

    public static PickleGlobal Set { get; } = new("builtins", "set");

    public static PickleGlobal Size { get; } = new("torch", "Size");

    public static PickleGlobal RebuildTensor { get; } = new("torch._utils", "_rebuild_tensor");

    public static PickleGlobal RebuildTensorV2 { get; } = new("torch._utils", "_rebuild_tensor_v2");

    public static PickleGlobal RebuildParameter { get; } = new("torch._utils", "_rebuild_parameter");

    public static PickleGlobal RebuildParameterWithState { get; } = new("torch._utils", "_rebuild_parameter_with_state");

    /// <summary>
    /// Whether it may occur in a file: it is known, and its result is a tensor, plain data, or ignored.
    /// </summary>
    public bool IsAllowed => IsOpaque || StorageType is not null || this == OrderedDict || this == DefaultDict || this == Size
        || this == RebuildTensor || this == RebuildTensorV2 || this == RebuildParameter || this == RebuildParameterWithState;

    /// <summary>Whether its result is ignored.</summary>
    public bool IsOpaque => OpaqueNames.TryGetValue(Module == "__builtin__" ? "builtins" : Module, out var names) && names.Contains(Name);

    /// <summary>
    /// The element type of a storage of this class, or <see langword="null"/> if it is not a storage class.
    /// </summary>
    public TensorDataType? StorageType => Module == "torch" ? PyTorchConstants.TypeOf(Name) : null;

    /// <summary>The full name.</summary>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A Python dictionary, of which only entries with a string as the key are kept.</summary>
internal sealed class PickleDictionary
{
    private Dictionary<string, object?>? _entries;

    /// <summary>Entries with a string as the key, in the order of the file.</summary>
    public IEnumerable<KeyValuePair<string, object?>> Entries => _entries ?? [];

    /// <summary>Adds an entry; one whose key is not a string is left out.</summary>
    /// <returns><see langword="false"/> if an entry already has the key.</returns>
    public bool TryAdd(object? key, object? value) =>
        key is not string text || (_entries ??= new(StringComparer.Ordinal)).TryAdd(text, value);

    /// <summary>Returns the value of a key, or <see langword="null"/>.</summary>
    public object? this[string key] => _entries?.GetValueOrDefault(key);
}

/// <summary>
/// A placeholder for a Python object of a known class, of which only the attributes are kept. No code of the class is
/// run.
/// </summary>
/// <param name="type">The class, or the function that created it.</param>
internal sealed class PickleObject(PickleGlobal type)
{
    /// <summary>The attributes, if it has any.</summary>
    public PickleDictionary? State { get; set; }

    /// <summary>Returns the name of the class.</summary>
    public override string ToString() => type.ToString();
}
