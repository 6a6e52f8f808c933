using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Benchmarks.Measurement;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>All figures as one table in Markdown, and as JSON.</summary>
internal sealed class PeerTable(
    IReadOnlyList<PeerResult> results, IReadOnlyDictionary<string, double> losses, double bandwidth, double multiplyAdds, int rounds)
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public void Print()
    {
        Console.WriteLine(Caption);
        Console.WriteLine();
        string[] works = [.. results.Select(result => result.Work).Distinct()];
        Line(["bits", "library", .. works, .. losses.Count > 0 ? ["mean loss"] : (string[])[]]);
        Line([.. Enumerable.Repeat("---", 2 + works.Length + (losses.Count > 0 ? 1 : 0))]);
        foreach (var row in results.GroupBy(result => (result.Bits, result.Name)).OrderByDescending(row => row.Key.Bits))
        {
            var (bits, name) = row.Key;
            var cells = works.Select(work => row.FirstOrDefault(result => result.Work == work) is { } result ? Cell(result) : "");
            string[] loss = losses.Count == 0 ? [] : [losses.TryGetValue(name, out double value) ? Text(value, "F4") : ""];
            Line([Text(bits, "F0"), name, .. cells, .. loss]);
        }

        foreach (var result in results.Where(result => result.OfLimit > 1))
        {
            Console.WriteLine($"{result.Name} exceeds the machine's limit ({result.Work}): a disturbance, or the limit is wrong.");
        }
    }

    public void WriteJson(string path) => File.WriteAllText(path, JsonSerializer.Serialize(
        new
        {
            Machine.Processor,
            Cores = Environment.ProcessorCount,
            MachineLimits.RegisterBits,
            BytesPerSecond = bandwidth,
            OperationsPerSecond = multiplyAdds,
            Rounds = rounds,
            Date = DateTime.UtcNow,
            Results = results,
            MeanLosses = losses,
        },
        Indented));

    private string Caption => string.Create(
        CultureInfo.InvariantCulture,
        $"A {ModelFiles.Config.Architecture} of {ModelFiles.Config.ParameterCount / 1e6:F0}M parameters, on {Machine.Description}. "
        + $"The machine reads {bandwidth / 1e9:F1} GB/s and multiplies {multiplyAdds / 1e9:F0} GFLOP/s (f32). "
        + $"Medians of {rounds} rounds; in parentheses, times the best peer at as many bits, and percent of the machine's limit.");

    private static string Cell(PeerResult result)
    {
        string[] notes =
        [
            .. result.TimesBestPeer is { } times ? [Text(times, "F2") + "×"] : (string[])[],
            .. result.OfLimit is { } part ? [Text(100 * part, "F0") + "%"] : (string[])[],
        ];
        return Report.Number(result.Median) + (notes.Length > 0 ? $" ({string.Join(", ", notes)})" : "");
    }

    private static void Line(IEnumerable<string> cells) => Console.WriteLine($"| {string.Join(" | ", cells)} |");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
