namespace MLNet.Gpt.Checkpoints.PyTorch;

/// <summary>The name of a Python function or class, of those that a state dict needs. A name: nothing is looked up and nothing is called.</summary>
/// <param name="Module">The module.</param>
/// <param name="Name">The name in it.</param>
internal sealed record PickleGlobal(string Module, string Name)
{
    private static readonly Dictionary<string, SafetensorsDataType> StorageTypes = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = SafetensorsDataType.Float32,
        ["HalfStorage"] = SafetensorsDataType.Float16,
        ["BFloat16Storage"] = SafetensorsDataType.BFloat16,
        ["DoubleStorage"] = SafetensorsDataType.Float64,
        ["LongStorage"] = SafetensorsDataType.Int64,
        ["IntStorage"] = SafetensorsDataType.Int32,
        ["ShortStorage"] = SafetensorsDataType.Int16,
        ["CharStorage"] = SafetensorsDataType.Int8,
        ["ByteStorage"] = SafetensorsDataType.UInt8,
        ["BoolStorage"] = SafetensorsDataType.Boolean,
    };

    public static PickleGlobal OrderedDict { get; } = new("collections", "OrderedDict");

    public static PickleGlobal Size { get; } = new("torch", "Size");

    public static PickleGlobal RebuildTensor { get; } = new("torch._utils", "_rebuild_tensor");

    public static PickleGlobal RebuildTensorV2 { get; } = new("torch._utils", "_rebuild_tensor_v2");

    public static PickleGlobal RebuildParameter { get; } = new("torch._utils", "_rebuild_parameter");

    /// <summary>Whether a state dict can need it.</summary>
    public bool IsAllowed => StorageType is not null || this == OrderedDict || this == Size || this == RebuildTensor || this == RebuildTensorV2 || this == RebuildParameter;

    /// <summary>The elements of a storage of this class, or <see langword="null"/> where it is none.</summary>
    public SafetensorsDataType? StorageType => Module == "torch" && StorageTypes.TryGetValue(Name, out var type) ? type : null;

    /// <summary>The full name.</summary>
    public override string ToString() => $"{Module}.{Name}";
}
