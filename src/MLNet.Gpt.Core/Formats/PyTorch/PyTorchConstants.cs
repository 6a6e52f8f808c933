namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// The names of the records that <c>torch.save</c> writes into its zip, and of its storage classes. Source: PyTorch's
/// <c>torch/serialization.py</c>.
/// </summary>
internal static class PyTorchConstants
{
    /// <summary>The folder of all records when writing; when reading, any folder is accepted.</summary>
    public const string Folder = "archive/";

    public const string PickleRecord = "data.pkl";
    public const string ByteOrderRecord = "byteorder";
    public const string VersionRecord = "version";

    /// <summary>The folder of the storages, within the folder of all records.</summary>
    public const string DataFolder = "data/";

    // Classes of the module torch.
    private static readonly Dictionary<string, TensorDataType> StorageClasses = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = TensorDataType.Float32,
        ["HalfStorage"] = TensorDataType.Float16,
        ["BFloat16Storage"] = TensorDataType.BFloat16,
        ["DoubleStorage"] = TensorDataType.Float64,
        ["LongStorage"] = TensorDataType.Int64,
        ["IntStorage"] = TensorDataType.Int32,
        ["ShortStorage"] = TensorDataType.Int16,
        ["CharStorage"] = TensorDataType.Int8,
        ["ByteStorage"] = TensorDataType.UInt8,
        ["BoolStorage"] = TensorDataType.Boolean,
    };

    /// <summary>The byte order when writing and reading.</summary>
    public static ReadOnlySpan<byte> LittleEndian => "little"u8;

    /// <summary>
    /// Returns the element type of a storage class, or <see langword="null"/> if there is no such class.
    /// </summary>
    public static TensorDataType? TypeOf(string storageClass) => StorageClasses.TryGetValue(storageClass, out var type) ? type : null;

    /// <summary>Returns the storage class for elements of a type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">PyTorch has none.</exception>
    public static string StorageClassOf(TensorDataType type) => StorageClasses.FirstOrDefault(each => each.Value == type).Key
        ?? throw new ArgumentOutOfRangeException(nameof(type), type, $"A state dict does not support {type}.");
}
