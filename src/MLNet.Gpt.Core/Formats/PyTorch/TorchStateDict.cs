using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// The state dict in a file of torch.save: the saved object itself, or an entry with one of the names that training
/// programs use.
/// </summary>
/// <param name="Format">The name of the container format.</param>
/// <param name="Tensors">The tensors.</param>
/// <param name="HeadCount">Attention heads, if a configuration was saved with it.</param>
internal sealed record TorchStateDict(string Format, IReadOnlyList<FileTensor> Tensors, int? HeadCount)
{
    private static readonly string[] StateNames = ["model_state_dict", "state_dict", "model"];
    private static readonly string[] ConfigNames = ["config", "model_config", "model_args", "cfg", "args"];
    private static readonly string[] HeadNames = ["n_heads", "n_head"];

    /// <summary>
    /// Returns whether a file begins like one of <c>torch.save</c>, in the zip format or the older one.
    /// </summary>
    public static bool Recognizes(ReadOnlySpan<byte> start) => ZipDirectory.Begins(start) || LegacyTorchFile.Begins(start);

    /// <summary>Reads the state dict of a file that <see cref="Recognizes"/> accepted.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or does not contain a state dict.</exception>
    public static TorchStateDict Open(PositionedFile file) =>
        Find(
            file,
            ZipDirectory.Begins(file.Read(0, (int)Math.Min(ZipDirectory.MarkSize, file.Length)))
                ? new ZipTorchFile(file)
                : new LegacyTorchFile(file));

    /// <summary>Finds the state dict in a container.</summary>
    /// <exception cref="InvalidDataException">
    /// There is none, or one of its tensors extends past its storage.
    /// </exception>
    public static TorchStateDict Find(PositionedFile file, ITorchContainer container)
    {
        if (container.Root is not PickleDictionary root)
        {
            throw new InvalidDataException(
                $"'{file.Path}' contains something other than a dictionary; a state dict is required. In Python, "
                + "torch.save(model.state_dict(), \"model.pth\") saves one.");
        }

        var state = StateNames.Select(name => root[name]).OfType<PickleDictionary>().FirstOrDefault() ?? root;
        var views = new ViewCheck(file.Path);
        var storages = new Dictionary<string, TorchStorage>(StringComparer.Ordinal);
        var tensors = new List<FileTensor>();
        foreach (var (name, value) in state.Entries)
        {
            if (value is not TensorReference tensor)
            {
                throw new InvalidDataException(
                    $"'{file.Path}' contains '{name}' in its state dict, which is not a tensor. A state dict must be the whole "
                    + $"file, or an entry named {string.Join(", ", StateNames)}.");
            }

            if (tensor.Validate() is { } problem)
            {
                throw new InvalidDataException($"'{file.Path}' is damaged: the tensor '{name}' {problem}.");
            }

            views.Add(name, tensor);
            if (!storages.TryGetValue(tensor.Storage.Key, out var storage))
            {
                storages.Add(tensor.Storage.Key, storage = container.Find(tensor.Storage));
            }

            tensors.Add(Tensor(file, storage, name, tensor));
        }

        views.Check();
        CheckApart(file, storages);

        // A training checkpoint contains the optimizer's tensors as well; a plain state dict contains nothing else.
        if (ReferenceEquals(state, root) && container.Storages.Keys.FirstOrDefault(key => !storages.ContainsKey(key)) is { } surplus)
        {
            throw new InvalidDataException($"'{file.Path}' contains the storage '{surplus}', which no tensor of its state dict uses.");
        }

        return new(container.Format, tensors, HeadsOf(root));
    }

    private static int? HeadsOf(PickleDictionary root) => ConfigNames
        .Select(name => root[name] is PickleObject settings ? settings.State : root[name])
        .OfType<PickleDictionary>()
        .SelectMany(config => HeadNames.Select(name => config[name]))
        .OfType<long>()
        .Where(heads => heads is > 0 and <= int.MaxValue)
        .Select(heads => (int?)heads)
        .FirstOrDefault();

    private static void CheckApart(PositionedFile file, Dictionary<string, TorchStorage> storages)
    {
        long end = 0;
        foreach (var (key, storage) in storages.OrderBy(each => each.Value.Offset))
        {
            if (storage.Length > 0 && storage.Offset < end)
            {
                throw new InvalidDataException($"'{file.Path}' is damaged: its storage '{key}' overlaps the one before it.");
            }

            end = Math.Max(end, storage.Offset + storage.Length);
        }
    }

    private static FileTensor Tensor(PositionedFile file, TorchStorage storage, string name, TensorReference view)
    {
        var type = view.Storage.DataType;
        ITensorElements? elements = null;
        FileTensor? transpose = null;
        if (type.IsFloatingPoint())
        {
            var whole = new PlainElements(file, storage.Offset, type, storage.Region);
            var ownPart = new PlainElements(file, storage.Offset + (view.Offset * type.BlockSize()), type, storage.Region);
            elements = view.IsContiguous ? ownPart : new StridedElements(whole, view);
            if (view.IsColumnMajor)
            {
                transpose = new(file.Path, name, type, [view.Shape[1], view.Shape[0]], view.Count * type.BlockSize(), ownPart);
            }
        }

        return new(file.Path, name, type, view.Shape, view.Count * type.BlockSize(), elements)
        {
            Transpose = transpose,
            Identity = view.Identity,
        };
    }
}
