using System.Globalization;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>
/// Damaged files cause one of the documented exceptions, quickly and with little memory, or they contain the same
/// model.
/// </summary>
public class HostileFileTests
{
    private const int Few = 2_000;
    private const int Many = 300_000;

    // A part of them, as FIRST-COUNT, for machines on which nothing may run for long.
    private const string PartVariable = "MLNET_GPT_HOSTILE_FILES";

    public static TheoryData<string> Readers => [.. Victims.All.Keys];

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_damaged_file_is_refused_or_consistent(string reader) => Run(reader, firstSeed: 0, Few);

    [Theory(Explicit = true)]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Readers))]
    public void Hundreds_of_thousands_of_damaged_files_are_refused_or_consistent(string reader) =>
        Run(reader, 1_000_000 + Part().First, Part().Count);

    private static (int First, int Count) Part() => Environment.GetEnvironmentVariable(PartVariable)?.Split('-') is [var first, var count]
        ? (int.Parse(first, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture))
        : (0, Many);

    private static void Run(string reader, int firstSeed, int count)
    {
        using var attack = new Attack(Victims.All[reader]);
        for (int seed = firstSeed; seed < firstSeed + count; seed++) attack.Run(seed);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{reader}: {count} files, {attack.Accepted} taken, of which {attack.Different} with other weights, "
            + $"{attack.Reinterpreted} of these after damage to the structure as well.");
        Assert.InRange(attack.Accepted, 1, count - 1); // A mutator that never or always succeeds tests nothing.
    }
}
