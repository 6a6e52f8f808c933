using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// Reads packed weights back by name: what <see cref="WeightPacker"/> read, to the extent that the precision preserves
/// it, with the low-rank updates of a model with adapters.
/// </summary>
internal sealed unsafe class PackedWeightReader : IWeightSource
{
    private readonly Dictionary<string, Action<long, Span<float>>> _readers = [];
    private readonly Dictionary<string, long> _lengths;

    public PackedWeightReader(ModelWeights weights)
    {
        Config = weights.Config;
        _lengths = WeightNames.For(Config).ToDictionary(entry => entry.Name, entry => entry.ElementCount);
        foreach (var (entry, vector) in weights.Vectors) _readers.Add(
            entry.Name, (start, destination) => Copy(vector.Pointer + start, destination));
        foreach (var (entry, matrix) in weights.Matrices)
        {
            for (int part = 0; part < entry.Names.Length; part++)
            {
                int firstRow = entry.FirstRowOf(part);
                _readers.Add(entry.Names[part], (start, destination) => ReadRows(matrix, firstRow, start, destination));
                if (part < entry.BiasNames.Length)
                {
                    _readers.Add(entry.BiasNames[part], (start, destination) => Copy(matrix.Bias + firstRow + start, destination));
                }
            }
        }
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        if (!_readers.TryGetValue(name, out var read)) throw new KeyNotFoundException($"There is no weight '{name}' in this model.");
        Check.ElementRange(start, destination.Length, _lengths[name], name);
        read(start, destination);
    }

    private static void Copy(float* source, Span<float> destination) =>
        new ReadOnlySpan<float>(source, destination.Length).CopyTo(destination);

    private static void ReadRows(PackedMatrix matrix, int firstRow, long start, Span<float> destination)
    {
        float[]? part = null;
        while (!destination.IsEmpty)
        {
            var (index, column) = Math.DivRem(start, matrix.Depth);
            int count = Math.Min(destination.Length, matrix.Depth - (int)column);
            if (count == matrix.Depth)
            {
                fixed (float* row = destination) matrix.CopyUpdatedRow(firstRow + (int)index, row);
            }
            else
            {
                part ??= new float[matrix.Depth];
                fixed (float* row = part) matrix.CopyUpdatedRow(firstRow + (int)index, row);
                part.AsSpan((int)column, count).CopyTo(destination);
            }

            destination = destination[count..];
            start += count;
        }
    }
}
