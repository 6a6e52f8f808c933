using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.Adapters;

/// <summary>A layer as a format names it, with the weights that it has there: query, key and value may be one layer.</summary>
/// <param name="Name">The name of the layer's matrix, without <c>.weight</c>.</param>
/// <param name="Weights">The weights that are stacked in the matrix.</param>
/// <param name="PairedHeadSize">Numbers in a head if its rows are in the order of <see cref="NeighboringPairs"/>; otherwise 0.</param>
internal sealed record AdapterModule(string Name, IReadOnlyList<WeightEntry> Weights, int PairedHeadSize)
{
    /// <summary>The layer's outputs.</summary>
    public int Rows => Weights.Sum(weight => weight.Shape[0]);

    /// <summary>The layer's inputs.</summary>
    public int Columns => Weights[0].Shape[1];

    /// <summary>Returns the layers of a model that can have an adapter.</summary>
    public static IReadOnlyList<AdapterModule> Of(TensorTable table, GptConfig config)
    {
        const string Suffix = ".weight";
        var entries = LoraTargets.Candidates(config).ToDictionary(entry => entry.Name);
        var modules = new List<AdapterModule>();
        foreach (var (role, layer) in table.Tensors(config.LayerCount))
        {
            string[] weights = role.Weights(layer);
            if (!entries.ContainsKey(weights[0])) continue;
            bool isPaired = table.HasNeighboringPairs && role.IsRotated();
            modules.Add(new(
                table.WrittenNameOf(role, layer)[..^Suffix.Length], [.. weights.Select(weight => entries[weight])],
                isPaired ? config.HeadSize : 0));
        }

        bool hasScores = modules.Exists(module => module.Weights[0].Name == WeightNames.Score);
        if (!hasScores && entries.TryGetValue(WeightNames.Score, out var score)) modules.Add(new("score", [score], 0));
        return modules;
    }

    /// <summary>Joins the adapters of each layer's weights to one; layers without any are left out.</summary>
    public static ModuleAdapter[] Join(IEnumerable<AdapterModule> modules, LoraAdapter adapter)
    {
        var adapters = adapter.Matrices.GroupBy(matrix => matrix.Target).ToDictionary(group => group.Key, group => group.ToArray());
        return [.. modules.Select(module => module.Join(adapters)).OfType<ModuleAdapter>()];
    }

    /// <summary>Joins the adapters of the layer's weights to one; <see langword="null"/> if none of them has any.</summary>
    /// <remarks>
    /// Adapters of query, key and value become one of the sum of their ranks: the rows of all A, and B with a block for each. B takes up
    /// the ratio of different scales.
    /// </remarks>
    private ModuleAdapter? Join(IReadOnlyDictionary<string, LoraMatrix[]> adapters)
    {
        var parts = new List<(int FirstRow, LoraMatrix Matrix)>();
        int firstRow = 0;
        foreach (var weight in Weights)
        {
            foreach (var matrix in adapters.GetValueOrDefault(weight.Name, [])) parts.Add((firstRow, matrix));
            firstRow += weight.Shape[0];
        }

        if (parts.Count == 0) return null;
        int rank = parts.Sum(part => part.Matrix.Rank), before = 0;
        double scale = parts[0].Matrix.Scale;
        float[] a = new float[(long)rank * Columns], b = new float[(long)Rows * rank];
        foreach (var (first, matrix) in parts)
        {
            matrix.A.CopyTo(a.AsSpan(before * Columns));
            double ratio = matrix.Scale / scale;
            for (int row = 0; row < matrix.Rows; row++)
            {
                long target = (StoredRow(first + row) * rank) + before;
                for (int i = 0; i < matrix.Rank; i++) b[target + i] = (float)(ratio * matrix.B[(row * matrix.Rank) + i]);
            }

            before += matrix.Rank;
        }

        return new(this, rank, scale, a, b);
    }

    /// <summary>Splits an adapter of the layer into those of its weights.</summary>
    /// <remarks>Of a joint adapter, a weight gets the ranks that have any effect on it.</remarks>
    public IEnumerable<LoraMatrix> Split(ModuleAdapter adapter)
    {
        int rank = adapter.Rank, firstRow = 0;
        bool isZero = Array.TrueForAll(adapter.B, x => x == 0);
        foreach (var weight in Weights)
        {
            int rows = weight.Shape[0], first = firstRow;
            firstRow += rows;
            int[] ranks = [.. Enumerable.Range(0, rank).Where(r => Weights.Count == 1 || isZero || HasEffect(r))];
            if (ranks.Length == 0) continue;
            float[] a = [.. ranks.SelectMany(r => adapter.A.AsSpan(r * Columns, Columns).ToArray())], b = new float[rows * ranks.Length];
            for (int row = 0; row < rows; row++)
            {
                long stored = StoredRow(first + row) * rank;
                for (int i = 0; i < ranks.Length; i++) b[(row * ranks.Length) + i] = adapter.B[stored + ranks[i]];
            }

            yield return new(weight.Name, ranks.Length, adapter.Scale, a, b);

            bool HasEffect(int r)
            {
                for (int row = first; row < first + rows; row++)
                {
                    if (adapter.B[(StoredRow(row) * rank) + r] != 0) return true;
                }

                return false;
            }
        }
    }

    private long StoredRow(int row) => PairedHeadSize == 0 ? row : NeighboringPairs.StoredRow(row, PairedHeadSize);
}

/// <summary>The adapter of a layer in a file.</summary>
/// <param name="Module">The layer.</param>
/// <param name="Rank">r.</param>
/// <param name="Scale">The factor of B A.</param>
/// <param name="A">(r, in).</param>
/// <param name="B">(out, r), its rows in the file's order.</param>
internal sealed record ModuleAdapter(AdapterModule Module, int Rank, double Scale, float[] A, float[] B);
