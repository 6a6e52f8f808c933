using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// The names and the arrangement that one format gives to the tensors of one architecture: the one table that its
/// reader and its writer share. Another architecture is another table over the same roles, and roles that it adds.
/// </summary>
/// <param name="Names">
/// A name for each role, in the order in which the format's own writer puts them: what comes before the blocks, what each
/// block has, what follows. <c>{0}</c> in a name stands for the block's number.
/// </param>
internal sealed record TensorTable(IReadOnlyList<(TensorRole Role, string Name)> Names)
{
    private readonly Dictionary<TensorRole, string> _names = Names.ToDictionary(each => each.Role, each => each.Name);

    /// <summary>Put before most names by the format's own writer, and left out by others.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Whether matrices of linear layers are (in, out), the other way round than here.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>
    /// Whether the format has a place for all biases: those that a model lacks are written as zeros, and a file of a model
    /// without any bias, such as nanoGPT's <c>bias=False</c>, is read as one with zeros.
    /// </summary>
    public bool HasAllBiases { get; init; }

    /// <summary>Tensors that stand beside the weights and are not weights, such as the mask of attention.</summary>
    public Regex? Buffers { get; init; }

    /// <summary>Whether the format has a tensor of a role.</summary>
    public bool Has(TensorRole role) => _names.ContainsKey(role);

    /// <summary>The name of a tensor as the format's own writer spells it.</summary>
    public string WrittenNameOf(TensorRole role, int layer = 0)
    {
        string name = _names[role];
        return role.IsInBlock() ? string.Format(CultureInfo.InvariantCulture, name, layer) : name;
    }

    /// <summary>The name of a tensor without <see cref="Prefix"/>: what a file's tensors are looked up by.</summary>
    public string NameOf(TensorRole role, int layer = 0)
    {
        string name = WrittenNameOf(role, layer);
        return Prefix.Length > 0 && name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
    }

    /// <summary>The name of the matrix that holds a block's queries.</summary>
    public string QueryNameOf(int layer) => NameOf(Has(TensorRole.QueryKeyValue) ? TensorRole.QueryKeyValue : TensorRole.Query, layer);

    /// <summary>The name of the tensor that holds the biases of a block's queries.</summary>
    public string QueryBiasNameOf(int layer) =>
        NameOf(Has(TensorRole.QueryKeyValueBias) ? TensorRole.QueryKeyValueBias : TensorRole.QueryBias, layer);

    /// <summary>Whether the format's files hold a tensor although it is not a weight.</summary>
    public bool IsBuffer(string name) => Buffers?.IsMatch(name) == true;

    /// <summary>
    /// Whether a file is that of a model without any bias. Where one bias is there, all must be: the file is damaged
    /// otherwise.
    /// </summary>
    public bool LacksBiases(IReadOnlyDictionary<string, FileTensor> tensors) =>
        HasAllBiases && !Names.Any(each => each.Role.IsBias() && tensors.ContainsKey(NameOf(each.Role)));

    /// <summary>Every tensor of a model with its block, in the format's order; listed one at a time.</summary>
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
    /// A place for each weight of a configuration, one at a time, so that a damaged count of layers ends at the first
    /// tensor that is missing.
    /// </summary>
    public IEnumerable<WeightPlace> Places(GptConfig config)
    {
        var shapes = ShapesOf(config);
        foreach (var (role, layer) in Tensors(config.LayerCount))
        {
            string[] weights = role.Weights(layer);
            if (!shapes.TryGetValue(role.Weights(0)[0], out var shape)) continue;
            bool isTransposed = IsTransposed && role.IsLinear();
            long[] stored = [(long)weights.Length * shape[0], .. shape.Skip(1).Select(size => (long)size)];
            if (isTransposed) Array.Reverse(stored);
            for (int part = 0; part < weights.Length; part++)
            {
                yield return new(weights[part], NameOf(role, layer), stored, isTransposed, part, weights.Length) { IsBias = role.IsBias() };
            }
        }
    }

    // All blocks are alike, so that those of the first tell the shapes of all.
    private static Dictionary<string, IReadOnlyList<int>> ShapesOf(GptConfig config) =>
        WeightNames.For(config with { LayerCount = 1 }).ToDictionary(entry => entry.Name, entry => entry.Shape, StringComparer.Ordinal);
}
