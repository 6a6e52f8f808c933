using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// The names and the layout of the tensors of one architecture in one format, shared by its reader and its writer.
/// Another architecture is another table over the same roles and its additional ones.
/// </summary>
/// <param name="Names">
/// A name for each role, in the order of the format's own writer: the tensors before the blocks, those of each block,
/// and those after. <c>{0}</c> in a name stands for the block's number.
/// </param>
internal sealed record TensorTable(IReadOnlyList<(TensorRole Role, string Name)> Names)
{
    private readonly Dictionary<TensorRole, string> _names = Names.ToDictionary(each => each.Role, each => each.Name);

    /// <summary>A prefix that the format's own writer adds to most names and other writers leave out.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Whether matrices of linear layers are (in, out), unlike in this library.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>
    /// Whether the format requires all biases: missing biases are written as zeros, and a file of a model without
    /// biases, such as nanoGPT's <c>bias=False</c>, is read as one with zero biases.
    /// </summary>
    public bool HasAllBiases { get; init; }

    /// <summary>What is missing from the scales of norms in the file: 1 if it contains the distance from 1.</summary>
    public float NormOffset { get; init; }

    /// <summary>
    /// Whether the rows of queries and keys are in an order in which the pairs that rotary positions turn are neighbors,
    /// as in GGUF's architecture llama, and not half a head apart.
    /// </summary>
    public bool HasNeighboringPairs { get; init; }

    /// <summary>Tensors that are stored with the weights but are not weights, such as the attention mask.</summary>
    public Regex? Buffers { get; init; }

    /// <summary>Returns whether the format has a tensor with a role.</summary>
    public bool Has(TensorRole role) => _names.ContainsKey(role);

    /// <summary>Returns the name of a tensor as spelled by the format's own writer.</summary>
    public string WrittenNameOf(TensorRole role, int layer = 0)
    {
        string name = _names[role];
        return role.IsInBlock() ? string.Format(CultureInfo.InvariantCulture, name, layer) : name;
    }

    /// <summary>
    /// Returns the name of a tensor without <see cref="Prefix"/>, by which a file's tensors are looked up.
    /// </summary>
    public string NameOf(TensorRole role, int layer = 0)
    {
        string name = WrittenNameOf(role, layer);
        return Prefix.Length > 0 && name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
    }

    /// <summary>Returns the name of the matrix with a block's query projection.</summary>
    public string QueryNameOf(int layer) => NameOf(Has(TensorRole.QueryKeyValue) ? TensorRole.QueryKeyValue : TensorRole.Query, layer);

    /// <summary>Returns the name of the tensor with the bias of a block's query projection.</summary>
    public string QueryBiasNameOf(int layer) =>
        NameOf(Has(TensorRole.QueryKeyValueBias) ? TensorRole.QueryKeyValueBias : TensorRole.QueryBias, layer);

    /// <summary>Returns whether the format's files contain a tensor although it is not a weight.</summary>
    public bool IsBuffer(string name) => Buffers?.IsMatch(name) == true;

    /// <summary>
    /// Returns whether a file is that of a model without biases. If one bias is present, all must be; otherwise the
    /// file is damaged.
    /// </summary>
    public bool LacksBiases(IReadOnlyDictionary<string, FileTensor> tensors) =>
        HasAllBiases && !Names.Any(each => each.Role.IsBias() && tensors.ContainsKey(NameOf(each.Role)));

    /// <summary>Enumerates every tensor of a model with its block, in the format's order.</summary>
    public IEnumerable<(TensorRole Role, int Layer)> Tensors(int layerCount)
    {
        var before = Names.TakeWhile(each => !each.Role.IsInBlock()).Select(each => each.Role).ToArray();
        var inBlock = Names.Select(each => each.Role).Where(role => role.IsInBlock()).ToArray();
        foreach (var role in before) yield return (role, 0);
        for (int layer = 0; layer < layerCount; layer++)
        {
            foreach (var role in inBlock) yield return (role, layer);
        }

        foreach (var (role, _) in Names.Skip(before.Length + inBlock.Length)) yield return (role, 0);
    }

    /// <summary>
    /// Enumerates the place of each weight of a configuration, lazily, so that a damaged number of layers ends at the
    /// first missing tensor.
    /// </summary>
    public IEnumerable<WeightPlace> Places(GptConfig config)
    {
        var shapes = ShapesOf(config);
        foreach (var (role, layer) in Tensors(config.LayerCount))
        {
            string[] weights = role.Weights(layer);
            if (!shapes.TryGetValue(role.Weights(0)[0], out var shape)) continue;
            bool isTransposed = IsTransposed && role.IsLinear();
            bool isPaired = HasNeighboringPairs && role.IsRotated();
            long[] stored = [(long)weights.Length * shape[0], .. shape.Skip(1).Select(size => (long)size)];
            if (isTransposed) Array.Reverse(stored);
            for (int part = 0; part < weights.Length; part++)
            {
                yield return new(weights[part], NameOf(role, layer), stored, isTransposed, part, weights.Length)
                {
                    IsBias = role.IsBias(),
                    Offset = role.IsNormScale() ? NormOffset : 0,
                    PairedHeadSize = isPaired ? config.HeadSize : 0,
                };
            }
        }
    }

    // All blocks are alike, so those of the first determine the shapes of all.
    private static Dictionary<string, IReadOnlyList<int>> ShapesOf(GptConfig config) =>
        WeightNames.For(config with { LayerCount = 1 }).ToDictionary(entry => entry.Name, entry => entry.Shape, StringComparer.Ordinal);
}
