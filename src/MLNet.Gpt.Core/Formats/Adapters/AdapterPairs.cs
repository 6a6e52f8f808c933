using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Adapters;

/// <summary>The pairs A and B that a file has, by the name of their layer; each is checked before its elements are read.</summary>
/// <param name="file">The file, for messages.</param>
internal sealed class AdapterPairs(string file)
{
    // Joint adapters of query, key and value have three times the rank.
    private const int HighestRank = 3 * LoraOptions.MaximumRank;

    private readonly Dictionary<string, (FileTensor? A, FileTensor? B)> _pairs = new(StringComparer.Ordinal);

    /// <summary>Adds one of the two.</summary>
    public void Add(string module, FileTensor tensor, bool isA)
    {
        var (a, b) = _pairs.GetValueOrDefault(module);
        if ((isA ? a : b) is not null) throw new InvalidDataException($"'{file}' contains {tensor} twice.");
        _pairs[module] = isA ? (tensor, b) : (a, tensor);
    }

    /// <summary>Reads all pairs.</summary>
    /// <param name="modules">The model's layers by the names that the file may use.</param>
    /// <param name="scaleOf">Returns the scale of a layer's adapter from its name and rank.</param>
    /// <exception cref="InvalidDataException">
    /// One of a pair is missing or has the wrong shape, or the model does not have the layer.
    /// </exception>
    public IEnumerable<ModuleAdapter> Read(IReadOnlyDictionary<string, AdapterModule> modules, Func<string, int, double> scaleOf)
    {
        if (_pairs.Count == 0) throw new InvalidDataException($"'{file}' contains no adapters.");
        foreach (var (name, (a, b)) in _pairs)
        {
            if (a is null || b is null)
            {
                throw new InvalidDataException($"'{file}' contains {a ?? b} without its other half, {(a is null ? "A" : "B")}.");
            }

            if (!modules.TryGetValue(name, out var module))
            {
                throw new InvalidDataException($"'{file}' contains {a}, an adapter of a layer that the model does not have.");
            }

            long rank = a.Shape.Count == 2 ? a.Shape[0] : 0;
            if (rank is < 1 or > HighestRank || a.Shape[1] != module.Columns)
            {
                throw new InvalidDataException(
                    $"'{file}' contains {a}; the shape must be (rank, {module.Columns}) with a rank from 1 to {HighestRank}.");
            }

            if (b.Shape.Count != 2 || b.Shape[0] != module.Rows || b.Shape[1] != rank)
            {
                throw new InvalidDataException(
                    $"'{file}' contains {b}; the shape must be ({module.Rows}, {rank}), as {a} has rank {rank}.");
            }

            double scale = scaleOf(name, (int)rank);
            yield return new(module, (int)rank, scale, Elements(a), Elements(b));
        }
    }

    /// <summary>Reads a tensor of finite numbers.</summary>
    public float[] Elements(FileTensor tensor)
    {
        if (tensor.Elements is null) throw new InvalidDataException($"'{file}' contains {tensor}, which has no floating-point numbers.");
        long count = tensor.Shape.Aggregate(1L, (product, size) => checked(product * size));
        float[] elements = new float[count];
        tensor.Elements.Read(0, elements);
        int bad = Array.FindIndex(elements, x => !float.IsFinite(x));
        return bad < 0 ? elements : throw new InvalidDataException(
            FormattableString.Invariant($"'{file}' contains {tensor}, whose element {bad} is {elements[bad]}."));
    }
}
