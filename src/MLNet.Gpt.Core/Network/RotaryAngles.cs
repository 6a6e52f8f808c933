using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// The cosines and sines that rotate the rows of a pass, once for the layers with a sliding window and once for the others
/// if their frequencies differ.
/// </summary>
internal sealed unsafe class RotaryAngles
{
    private readonly GptConfig _config;
    private readonly float[][] _frequencies; // of global layers, and of those with a sliding window if they differ

    /// <param name="config">The decoder; without rotary positions, there are no angles.</param>
    public RotaryAngles(GptConfig config)
    {
        _config = config;
        _frequencies = config.Rotary is null ? []
            : [.. Enumerable.Range(0, TablesOf(config)).Select(table => FrequenciesOf(config, isSliding: table == 1))];
    }

    /// <summary>Returns the room for a number of rows, in numbers.</summary>
    public static long LengthOf(GptConfig config, int rows) => config.Rotary is null ? 0 : (long)TablesOf(config) * rows * config.HeadSize;

    /// <summary>Computes the angles of rows.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="positions">The position of each row.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="angles">Receives them; room of <see cref="LengthOf"/>.</param>
    public void Fill(Compute compute, int[] positions, int count, float* angles)
    {
        for (int table = 0; table < _frequencies.Length; table++)
        {
            float[] frequencies = _frequencies[table];
            float* first = angles + ((long)table * count * _config.HeadSize);
            compute.ForEachRow(count, row => Rotary.Fill(frequencies, positions[row], first + ((long)row * _config.HeadSize)));
        }
    }

    /// <summary>Returns what happens to queries and keys of a layer.</summary>
    /// <param name="block">The layer's weights.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="count">The number of rows, as filled.</param>
    /// <param name="angles">As filled.</param>
    public Rotary Of<TMatrix, TVector>(BlockWeights<TMatrix, TVector> block, AttentionShape shape, int layer, int count, float* angles)
        where TMatrix : class, IWeightMatrix
        where TVector : class, IWeightVector
    {
        float* ofLayer = _frequencies.Length == 0 ? null
            : angles + (_frequencies.Length == 2 && _config.IsSliding(layer) ? (long)count * _config.HeadSize : 0);
        return new(shape, ofLayer, block.QueryNorm?.Kernel, block.KeyNorm?.Kernel);
    }

    private static int TablesOf(GptConfig config) => config.Rotary?.SlidingBase is null || config.SlidingWindow is null ? 1 : 2;

    private static float[] FrequenciesOf(GptConfig config, bool isSliding) =>
        Array.ConvertAll(config.Rotary!.Frequencies(config.HeadSize, isSliding), frequency => (float)frequency);
}
