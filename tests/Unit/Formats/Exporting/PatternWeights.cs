
namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>
/// Weights by a formula that any program can follow: element i of tensor t is ((37 i + 11 t) mod 101 − 50) / 300 in
/// single precision.
/// </summary>
internal static class PatternWeights
{
    public static GptWeights Of(GptConfig config) => new(config, WeightNames.For(config).Select(Fill).ToDictionary());

    private static KeyValuePair<string, float[]> Fill(WeightEntry entry, int number)
    {
        float[] elements = new float[entry.ElementCount];
        for (int i = 0; i < elements.Length; i++) elements[i] = ((((37L * i) + (11 * number)) % 101) - 50) / 300f;
        return new(entry.Name, elements);
    }
}
