using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Adapters;
using MLNet.Gpt.IO;
using MLNet.Gpt.Network;

namespace MLNet.Gpt;

/// <summary>
/// Low-rank updates of some of a model's matrices, and weights that replace the model's own: what training with
/// <see cref="LoraOptions"/> learns. Immutable and thread-safe.
/// </summary>
public sealed class LoraAdapter
{
    internal LoraAdapter(GptConfig config, IReadOnlyList<LoraMatrix> matrices, IReadOnlyDictionary<string, float[]>? weights = null)
    {
        (Config, Matrices) = (config, matrices);
        Weights = weights ?? new Dictionary<string, float[]>();
        CheckFits(config);
    }

    /// <summary>The configuration of the model that the adapter belongs to.</summary>
    public GptConfig Config { get; }

    /// <summary>The updates.</summary>
    public IReadOnlyList<LoraMatrix> Matrices { get; }

    /// <summary>Weights that were trained in full, by name: they replace the model's own.</summary>
    public IReadOnlyDictionary<string, float[]> Weights { get; }

    /// <summary>The probability with which its inputs were dropped in training.</summary>
    public double Dropout { get; internal init; }

    /// <summary>The numbers in the adapter: of A and B of each matrix, and of the weights trained in full.</summary>
    public long ParameterCount =>
        Matrices.Sum(matrix => matrix.A.Length + (long)matrix.B.Length) + Weights.Values.Sum(weight => weight.LongLength);

    /// <summary>
    /// Loads an adapter: a folder of Hugging Face's PEFT, or the <c>adapter_model.safetensors</c> in it, or llama.cpp's GGUF file of an
    /// adapter.
    /// </summary>
    /// <remarks>
    /// A joint adapter of query, key and value, as GPT-2's <c>c_attn</c> has it, becomes one of each. <c>use_rslora</c> is supported;
    /// other variants, such as DoRA, are refused by name.
    /// </remarks>
    /// <param name="path">The folder or the file.</param>
    /// <param name="config">The configuration of the model that the adapter belongs to, which such files do not contain.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, a variant that is not supported, or belongs to another model; the message names the file, the tensor and
    /// the problem.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static LoraAdapter Load(string path, GptConfig config)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(config);
        config = config.Validated();
        if (Directory.Exists(path)) return PeftFormat.Read(path, config);
        using (var file = PositionedFile.Open(path))
        {
            if (GgufAdapterFormat.Recognizes(file)) return GgufAdapterFormat.Read(file, config);
        }

        return Path.GetFileName(path) == PeftFormat.WeightsFile
            ? PeftFormat.Read(Path.GetDirectoryName(Path.GetFullPath(path))!, config)
            : throw new InvalidDataException(
                $"'{path}' is neither a GGUF file nor a folder with {PeftFormat.ConfigFile} and {PeftFormat.WeightsFile}.");
    }

    /// <summary>
    /// Saves the adapter: as llama.cpp's GGUF file of an adapter if the path ends with <c>.gguf</c>, otherwise as a folder of Hugging
    /// Face's PEFT. It is written aside and moved into place, so that a crash leaves either what was there or the new one.
    /// </summary>
    /// <remarks>
    /// Where a format has query, key and value in one layer, as for GPT-2, their adapters are written as one of the sum of their ranks,
    /// with the same result.
    /// </remarks>
    /// <param name="path">The folder or file to create or replace.</param>
    /// <param name="baseModel">
    /// The name or path of the base model, for PEFT's <c>base_model_name_or_path</c>; <see langword="null"/> to leave it open.
    /// </param>
    /// <param name="cancellationToken">Stops the operation and keeps what was there before.</param>
    /// <exception cref="ArgumentException">
    /// The format has no place for a weight that was trained in full, or llama.cpp cannot run the model; the message says which and why.
    /// </exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path, string? baseModel = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) GgufAdapterFormat.Write(path, this, cancellationToken);
        else PeftFormat.Write(path, this, baseModel, cancellationToken);
    }

    /// <summary>Returns weights with the updates merged, W + s B A, in single precision.</summary>
    /// <remarks>
    /// A view: weights are computed when they are read, so it is valid as long as <paramref name="weights"/> is. A model can be created
    /// from it, and it can be saved or exported. If the head is tied to the token embedding and has an update, the result has a head
    /// of its own.
    /// </remarks>
    /// <param name="weights">The weights of the model that the adapter belongs to.</param>
    /// <param name="scale">A factor of the updates: 1 for all of them, 0 for none.</param>
    /// <exception cref="ArgumentException">
    /// The adapter belongs to another model; the message names the first matrix that does not fit.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The scale is NaN or infinite.</exception>
    public IWeightSource Merge(IWeightSource weights, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (!double.IsFinite(scale)) throw Check.OutOfRange(nameof(scale), scale, "finite");
        CheckFits(weights.Config);
        return new MergedWeights(weights, ConfigFor(weights.Config), Matrices, Weights, scale);
    }

    /// <summary>Names ranks, number of layers and parameters.</summary>
    public override string ToString()
    {
        string ranks = string.Join("/", Matrices.Select(matrix => matrix.Rank).Distinct());
        string layers = Quantity.Of(Matrices.Count, "linear layer"), parameters = Quantity.Of(ParameterCount, "parameter");
        return FormattableString.Invariant($"LoRA adapter of rank {ranks} on {layers}, {parameters}");
    }

    /// <summary>Creates an adapter from what a file contains.</summary>
    /// <exception cref="InvalidDataException">It does not fit the model.</exception>
    internal static LoraAdapter Read(
        string path, GptConfig config, IEnumerable<ModuleAdapter> adapted, IReadOnlyDictionary<string, float[]> weights, double dropout)
    {
        try
        {
            return new(config, [.. adapted.SelectMany(each => each.Module.Split(each))], weights) { Dropout = dropout };
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"'{path}' does not fit the model: {error.Message}", error);
        }
    }

    /// <summary>The configuration of a model with the adapter: the adapter may bring a head of scores.</summary>
    internal GptConfig ConfigFor(GptConfig config) =>
        Config.ScoreCount is { } scores && Weights.ContainsKey(WeightNames.Score) ? config with { ScoreCount = scores } : config;

    /// <exception cref="ArgumentException">The adapter belongs to another model.</exception>
    internal void CheckFits(GptConfig config)
    {
        config = ConfigFor(config);
        var targets = LoraTargets.Candidates(config).ToDictionary(entry => entry.Name);
        foreach (var matrix in Matrices)
        {
            if (!targets.TryGetValue(matrix.Target, out var entry))
            {
                throw new ArgumentException($"The adapter updates '{matrix.Target}', which the model does not have.");
            }

            if (matrix.Rows != entry.Shape[0] || matrix.Columns != entry.Shape[1])
            {
                throw new ArgumentException(
                    $"The adapter updates '{matrix.Target}' of shape ({matrix.Rows}, {matrix.Columns}); the model's is "
                    + $"({entry.Shape[0]}, {entry.Shape[1]}).");
            }
        }

        if (Weights.Count == 0) return;
        var entries = WeightNames.For(config).ToDictionary(entry => entry.Name);
        foreach (var (name, weight) in Weights)
        {
            if (!entries.TryGetValue(name, out var entry) || entry.ElementCount != weight.LongLength)
            {
                throw new ArgumentException(
                    $"The adapter replaces '{name}' by {Quantity.Of(weight.LongLength, "number")}; the model "
                    + (entry is null ? "does not have it." : $"has {Quantity.Of(entry.ElementCount, "number")} there."));
            }
        }
    }
}
