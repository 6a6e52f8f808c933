using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>Tensors by name, whatever the writer has put before the names.</summary>
internal static class TensorNames
{
    private const int MostShown = 5;

    // torch.compile, data-parallel wrappers, Opacus, the attribute of a training module, and transformers' and
    // nanoGPT's module around the blocks.
    private static readonly string[] Prefixes = ["_orig_mod.", "module.", "_module.", "model.", "transformer."];

    /// <summary>Indexes tensors by their names without prefixes, which may stand in any order and number.</summary>
    /// <exception cref="InvalidDataException">Two tensors have one name.</exception>
    public static Dictionary<string, FileTensor> Index(IEnumerable<FileTensor> tensors)
    {
        var byName = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!byName.TryAdd(WithoutPrefixes(tensor.Name), tensor)) throw new InvalidDataException($"'{tensor.File}' holds '{tensor.Name}' twice, with and without a prefix.");
        }

        return byName;
    }

    /// <summary>Shows some of the names that a file has, for a message.</summary>
    public static string Show(IReadOnlyDictionary<string, FileTensor> tensors) => tensors.Count == 0
        ? "it has no tensor"
        : $"its {tensors.Count} tensors are {string.Join(", ", tensors.Values.Take(MostShown).Select(tensor => $"'{tensor.Name}'"))}{(tensors.Count > MostShown ? ", …" : "")}";

    private static string WithoutPrefixes(string name)
    {
        while (Prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix) name = name[prefix.Length..];
        return name;
    }
}
