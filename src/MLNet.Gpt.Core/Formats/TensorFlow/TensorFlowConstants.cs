namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>
/// The file names of OpenAI's release and the numbers of TensorFlow's checkpoints. Source: TensorFlow's
/// <c>types.proto</c> and <c>tensor_bundle.h</c>.
/// </summary>
internal static class TensorFlowConstants
{
    public const string HyperparametersFile = "hparams.json";

    /// <summary>The file that names the latest checkpoint.</summary>
    public const string StateFile = "checkpoint";

    /// <summary>The ending of the name of a checkpoint's index.</summary>
    public const string IndexEnding = ".index";

    /// <summary>The supported version of checkpoints (kTensorBundleVersion).</summary>
    public const ulong Version = 1;

    // The types in types.proto that variables of a model or of its optimizer have.
    private static readonly Dictionary<int, TensorDataType> Types = new()
    {
        [1] = TensorDataType.Float32,
        [2] = TensorDataType.Float64,
        [3] = TensorDataType.Int32,
        [4] = TensorDataType.UInt8,
        [5] = TensorDataType.Int16,
        [6] = TensorDataType.Int8,
        [9] = TensorDataType.Int64,
        [10] = TensorDataType.Boolean,
        [14] = TensorDataType.BFloat16,
        [19] = TensorDataType.Float16,
    };

    /// <summary>The beginning of the file that names the latest checkpoint.</summary>
    public static ReadOnlySpan<byte> StateStart => "model_checkpoint_path"u8;

    /// <summary>
    /// Returns the type of a number of types.proto, or <see langword="null"/> if it is not supported.
    /// </summary>
    public static TensorDataType? TypeOf(int number) => Types.TryGetValue(number, out var type) ? type : null;
}
