using System.Text.Json;

namespace MLNet.Gpt.Tests.Formats.Importing;

/// <summary>Models that other programs wrote, with the logits that they must give; see the README beside them.</summary>
internal static class ModelFixtures
{
    public static string Root { get; } = System.IO.Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models");

    /// <summary>Every model with reference logits.</summary>
    public static IReadOnlyDictionary<string, Reference> References { get; } =
        JsonSerializer.Deserialize<Dictionary<string, Reference>>(File.ReadAllText(Path("logits.json")), JsonSerializerOptions.Web)!;

    /// <summary>Words for as many ids as the models have, since most stand without a tokenizer.</summary>
    public static ITextTokenizer Words { get; } = new WordTokenizer(Enumerable.Range(0, 40).Select(i => $"w{i}"));

    public static string Path(string name) => System.IO.Path.Combine(Root, name);

    internal sealed record Reference(int[] Ids, float[][] Logits);
}
