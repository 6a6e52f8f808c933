using System.Text.Json;

namespace MLNet.Gpt.Tests.Formats.Importing;

/// <summary>Models written by other programs, with their expected logits; see the README next to them.</summary>
internal static class ModelFixtures
{
    public static string Root { get; } = System.IO.Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models");

    /// <summary>Every model with reference logits.</summary>
    public static IReadOnlyDictionary<string, Reference> References { get; } =
        JsonSerializer.Deserialize<Dictionary<string, Reference>>(File.ReadAllText(Path("logits.json")), JsonSerializerOptions.Web)!;

    /// <summary>Words for as many ids as the models have, because most have no tokenizer.</summary>
    public static ITextTokenizer Words { get; } = new WordTokenizer(Enumerable.Range(0, 40).Select(i => $"w{i}"));

    public static string Path(string name) => System.IO.Path.Combine(Root, name);

    internal sealed record Reference(int[] Ids, float[][] Logits);
}
