namespace MLNet.Gpt.Checkpoints.Importing;

/// <summary>Tensors by name, whatever the writer has put before the names.</summary>
internal static class TensorNames
{
    // torch.compile, then transformers' and nanoGPT's module around the blocks.
    private const string Compiled = "_orig_mod.";
    private const string Transformer = "transformer.";

    /// <summary>Indexes tensors by their names without prefix.</summary>
    /// <exception cref="InvalidDataException">Two tensors have one name.</exception>
    public static Dictionary<string, FileTensor> Index(IEnumerable<FileTensor> tensors)
    {
        var byName = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!byName.TryAdd(WithoutPrefix(tensor.Name), tensor)) throw new InvalidDataException($"'{tensor.File}' holds '{tensor.Name}' twice, with and without a prefix.");
        }

        return byName;
    }

    private static string WithoutPrefix(string name)
    {
        if (name.StartsWith(Compiled, StringComparison.Ordinal)) name = name[Compiled.Length..];
        return name.StartsWith(Transformer, StringComparison.Ordinal) ? name[Transformer.Length..] : name;
    }
}
