using System.Numerics.Tensors;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// Maps a file's tensors to this library's names: every weight of the configuration has its place, missing biases are
/// zeros, and nothing is left over except heads for other tasks.
/// </summary>
internal sealed class WeightMap : IBlockWeightSource, ITransposedWeightSource
{
    private const int MostShared = 16;

    // transformers' classes with the same network (two heads, sequence and token classification, question answering),
    // and TRL's value head.
    private static readonly string[] OtherHeads = ["multiple_choice_head", "score", "classifier", "qa_outputs", "v_head"];

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Checks that the tensors are those of a configuration.</summary>
    /// <param name="path">The file or folder, for messages.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="table">The format's names and layout.</param>
    /// <param name="tensors">The file's tensors by these names.</param>
    /// <param name="useStoredHead">
    /// Whether a head that differs from the token embedding is used if the configuration ties it.
    /// </param>
    /// <param name="cancellationToken">Stops the comparison of a tied head.</param>
    /// <exception cref="InvalidDataException">
    /// A weight is missing or has the wrong shape or type, or there is an unexpected tensor; the message names it.
    /// </exception>
    public WeightMap(
        string path,
        GptConfig config,
        TensorTable table,
        IReadOnlyDictionary<string, FileTensor> tensors,
        bool useStoredHead = false,
        CancellationToken cancellationToken = default)
    {
        Config = config = TiedHead.Resolve(path, config, table, tensors, useStoredHead, cancellationToken);
        bool lacksBiases = table.LacksBiases(tensors);
        var used = new HashSet<string>(StringComparer.Ordinal);
        var stored = new HashSet<object>();
        Int128 elements = 0, storedElements = 0;
        foreach (var place in table.Places(config))
        {
            if (!tensors.TryGetValue(place.Tensor, out var tensor))
            {
                if (!place.IsBias || !lacksBiases)
                {
                    throw new InvalidDataException(
                        $"'{path}' lacks the tensor '{place.Tensor}' of its configuration; {TensorNames.Show(tensors)}.");
                }

                _entries.Add(place.Weight, new(null, false, 0, place.Shape[0] / place.PartCount, 0));
                continue;
            }

            if (!tensor.Shape.SequenceEqual(place.Shape))
            {
                throw new InvalidDataException(
                    $"'{tensor.File}' contains {tensor}; its configuration requires the shape ({string.Join(", ", place.Shape)}).");
            }

            if (tensor.Elements is null)
            {
                throw new InvalidDataException($"'{tensor.File}' contains {tensor}; weights of this type are not supported.");
            }

            long count = place.Shape.Aggregate(1L, (product, size) => checked(product * size));
            if (used.Add(place.Tensor))
            {
                // One small tensor with many names would turn a small file into a large model.
                elements += count;
                if (stored.Add(tensor.Identity ?? tensor)) storedElements += count;
                if (elements > MostShared * storedElements)
                {
                    throw new InvalidDataException(
                        $"'{tensor.File}' has so many names for its tensors that the model has over {MostShared} times "
                        + "as many weights as the file.");
                }
            }

            bool isTransposed = place.IsTransposed != (tensor.Transpose is not null);
            _entries.Add(
                place.Weight,
                new(
                    tensor.Transpose ?? tensor,
                    isTransposed,
                    place.Part * (count / place.PartCount),
                    count / place.PartCount,
                    tensor.ByteCount / place.PartCount)
                {
                    Offset = place.Offset,
                    RowLength = place.Shape.Length == 2 ? place.Shape[1] : 1,
                    PairedHeadSize = place.PairedHeadSize,
                });
        }

        if (config.HasTiedHead) used.Add(table.NameOf(TensorRole.Head));
        string[] surplus = [.. tensors.Keys.Where(name => !used.Contains(name) && !table.IsBuffer(name))];
        if (surplus.FirstOrDefault(name => !OtherHeads.Contains(name.Split('.')[0])) is { } stray)
        {
            throw new InvalidDataException(
                $"'{tensors[stray].File}' contains {tensors[stray]}, which is not a weight of its configuration.");
        }

        if (surplus.Length > 0)
        {
            Warnings = [
                $"'{path}' has a head for another task, which is ignored: "
                + $"{string.Join(", ", surplus.Select(name => $"'{tensors[name].Name}'"))}."
                + (surplus.Contains(WeightNames.Score) ? " GptClassifier.Load loads it." : "")
            ];
        }
    }

    public GptConfig Config { get; }

    /// <summary>What is ignored.</summary>
    public IReadOnlyList<string> Warnings { get; } = [];

    /// <summary>How the elements are stored: one type, or several, the one with the most bytes first.</summary>
    public string DataType => string.Join(" + ", _entries.Values
        .Where(entry => entry.Tensor is not null)
        .GroupBy(entry => entry.Tensor!.DataType)
        .OrderByDescending(group => group.Sum(entry => entry.ByteCount))
        .Select(group => group.Key.ShortName()));

    /// <summary>Returns the size of a weight in the file in bytes.</summary>
    public long ByteCountOf(string name) => _entries[name].ByteCount;

    public void Read(string name, long start, Span<float> destination)
    {
        var entry = Find(name);
        Check.ElementRange(start, destination.Length, entry.Count, name);
        if (entry.Tensor is null) destination.Clear();
        else if (entry.IsTransposed) TransposedMatrix.Read(entry.Tensor, entry.Start + start, destination);
        else if (entry.PairedHeadSize > 0)
        {
            NeighboringPairs.Read(
                entry.RowLength, start, destination, row => NeighboringPairs.StoredRow(row, entry.PairedHeadSize),
                (first, part) => entry.Tensor.Elements!.Read(entry.Start + first, part));
        }
        else
        {
            entry.Tensor.Elements!.Read(entry.Start + start, destination);
        }

        if (entry.Offset != 0) TensorPrimitives.Add(destination, entry.Offset, destination);
    }

    public bool IsTransposed(string name) => Find(name).IsTransposed;

    public void ReadTransposed(string[] names, int firstInput, int inputs, Span<float> destination)
    {
        var entries = Array.ConvertAll(names, Find);
        long width = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i] is not { IsTransposed: true, Tensor: { } tensor })
            {
                throw new InvalidOperationException($"'{names[i]}' is not stored as (in, out).");
            }

            if (firstInput < 0 || inputs < 0 || firstInput > tensor.Shape[0] - inputs)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(firstInput), firstInput, $"'{names[i]}' has no {inputs} inputs from {firstInput}.");
            }

            width += entries[i].Outputs;
        }

        if (destination.Length != inputs * width)
        {
            throw new ArgumentOutOfRangeException(
                nameof(destination),
                destination.Length,
                $"{inputs} inputs of '{string.Join("', '", names)}' are {inputs * width} elements.");
        }

        int column = 0;
        for (int first = 0, end; first < entries.Length; first = end)
        {
            // Neighbors in the file: the parts of one matrix in their order.
            var tensor = entries[first].Tensor!;
            long start = entries[first].Start, next = start + entries[first].Count;
            for (end = first + 1; end < entries.Length && entries[end].Tensor == tensor && entries[end].Start == next; end++)
            {
                next += entries[end].Count;
            }

            long depth = tensor.Shape[0], columns = tensor.Shape[1], firstColumn = start / depth;
            int outputs = (int)((next - start) / depth), rowsAtOnce = outputs == columns && outputs == width ? inputs : 1;
            for (int row = 0; row < inputs; row += rowsAtOnce)
            {
                var part = destination.Slice((int)(row * width) + column, rowsAtOnce * outputs);
                tensor.Elements!.Read(((firstInput + row) * columns) + firstColumn, part);
            }

            column += outputs;
        }
    }

    public StoredBlocks BlocksOf(string name) => ElementsOf(Find(name))?.Type switch
    {
        TensorDataType.Q8_0 => StoredBlocks.Q8_0,
        TensorDataType.Q4_K => StoredBlocks.Q4_K,
        TensorDataType.Q5_K => StoredBlocks.Q5_K,
        TensorDataType.Q6_K => StoredBlocks.Q6_K,
        _ => StoredBlocks.None,
    };

    public void ReadBlocks(string name, long firstBlock, Span<byte> destination)
    {
        var entry = Find(name);
        var elements = ElementsOf(entry) ?? throw new InvalidOperationException($"'{name}' is not stored as blocks.");
        int length = elements.Type.BlockLength(), size = elements.Type.BlockSize();
        var (count, rest) = Math.DivRem(destination.Length, size);
        long blocks = entry.Count / length;
        if (rest != 0 || firstBlock < 0 || firstBlock > blocks - count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(firstBlock),
                firstBlock,
                $"{destination.Length} bytes from block {firstBlock} are not whole blocks of '{name}', which has {blocks}.");
        }

        // Rows consist of whole blocks, and a part of a tensor of whole rows, so a weight begins at a block boundary.
        long first = entry.Start / length;
        if (entry.PairedHeadSize == 0)
        {
            elements.ReadBlocks(first + firstBlock, destination);
            return;
        }

        long rowLength = entry.RowLength / length * size;
        NeighboringPairs.Read(
            rowLength, firstBlock * size, destination, row => NeighboringPairs.StoredRow(row, entry.PairedHeadSize),
            (start, part) => elements.ReadBlocks(first + (start / size), part));
    }

    private static BlockElements? ElementsOf(Entry entry) =>
        entry is { IsTransposed: false, Tensor.Elements: BlockElements elements } ? elements : null;

    private Entry Find(string name) =>
        _entries.TryGetValue(name, out var entry) ? entry : throw new KeyNotFoundException($"There is no weight '{name}' in this model.");

    // A bias without a tensor is zero.
    private sealed record Entry(FileTensor? Tensor, bool IsTransposed, long Start, long Count, long ByteCount)
    {
        /// <summary>Of a matrix that is stored as (in, out), the number of outputs.</summary>
        public long Outputs => Count / Tensor!.Shape[0];

        /// <summary>What is added to each element.</summary>
        public float Offset { get; init; }

        /// <summary>Elements of a row.</summary>
        public long RowLength { get; init; }

        /// <summary>Numbers in a head if its rows are in the order of <see cref="NeighboringPairs"/>; otherwise 0.</summary>
        public int PairedHeadSize { get; init; }
    }
}

/// <summary>A head that is stored although the configuration ties it to the token embedding.</summary>
internal static class TiedHead
{
    private const int ChunkLength = 1 << 16;

    /// <summary>
    /// Returns the configuration with the head that is used: the token embedding if the stored head is a copy of it, or
    /// a different head if the caller allows it.
    /// </summary>
    /// <param name="path">For messages.</param>
    /// <param name="config">As the file says.</param>
    /// <param name="table">The format's names.</param>
    /// <param name="tensors">By those names.</param>
    /// <param name="useStoredHead">Whether a head that differs from the token embedding is used.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <exception cref="InvalidDataException">The head differs, and the caller does not allow it.</exception>
    public static GptConfig Resolve(
        string path,
        GptConfig config,
        TensorTable table,
        IReadOnlyDictionary<string, FileTensor> tensors,
        bool useStoredHead,
        CancellationToken cancellationToken)
    {
        if (!config.HasTiedHead
            || !tensors.TryGetValue(table.NameOf(TensorRole.Head), out var head)
            || !tensors.TryGetValue(table.NameOf(TensorRole.TokenEmbedding), out var embedding))
        {
            return config;
        }

        if (head.Shape.SequenceEqual(embedding.Shape)
            && head.Elements is not null
            && embedding.Elements is not null
            && AreEqual(embedding, head, cancellationToken))
        {
            return config;
        }

        return useStoredHead
            ? config with { HasTiedHead = false }
            : throw new InvalidDataException(
                $"'{path}' ties the output head to the token embedding, but contains {head} that differs from "
                + $"{embedding}. useStoredHead (-UseStoredHead) loads the stored head.");
    }

    private static bool AreEqual(FileTensor embedding, FileTensor head, CancellationToken cancellationToken)
    {
        if (head.Identity is not null && head.Identity.Equals(embedding.Identity)) return true;
        long count = embedding.Shape.Aggregate(1L, (product, size) => product * size);
        float[] left = new float[Math.Min(ChunkLength, count)], right = new float[left.Length];
        for (long start = 0; start < count; start += ChunkLength)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int length = (int)Math.Min(ChunkLength, count - start);
            embedding.Elements!.Read(start, left.AsSpan(0, length));
            head.Elements!.Read(start, right.AsSpan(0, length));
            if (!left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length))) return false;
        }

        return true;
    }
}

/// <summary>Tensors by name, whatever prefixes the writer has added.</summary>
internal static class TensorNames
{
    private const int MostShown = 5;

    // The prefixes of torch.compile, data-parallel wrappers, Opacus, an attribute of a training module, and
    // transformers' and nanoGPT's module around the blocks, and its decoder beside other parts.
    private static readonly string[] Prefixes = ["_orig_mod.", "module.", "_module.", "model.", "transformer.", "language_model."];

    /// <summary>Indexes tensors by their names without prefixes, which may occur in any order and number.</summary>
    /// <exception cref="InvalidDataException">Two tensors have the same name.</exception>
    public static Dictionary<string, FileTensor> Index(IEnumerable<FileTensor> tensors)
    {
        var byName = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!byName.TryAdd(WithoutPrefixes(tensor.Name), tensor))
            {
                throw new InvalidDataException($"'{tensor.File}' contains '{tensor.Name}' twice, with and without a prefix.");
            }
        }

        return byName;
    }

    /// <summary>Lists some of a file's names, for a message.</summary>
    public static string Show(IReadOnlyDictionary<string, FileTensor> tensors) => tensors.Count == 0
        ? "it has no tensors"
        : (tensors.Count == 1 ? "its only tensor is " : $"its {tensors.Count} tensors are ")
            + $"{string.Join(", ", tensors.Values.Take(MostShown).Select(tensor => $"'{tensor.Name}'"))}"
            + (tensors.Count > MostShown ? ", …" : "");

    private static string WithoutPrefixes(string name)
    {
        while (Prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
        {
            name = name[prefix.Length..];
        }

        return name;
    }
}
