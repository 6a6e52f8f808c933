using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>The first line of a result file: what was measured, and how.</summary>
internal sealed record ResultHeader
{
    /// <summary>
    /// The layout of result files. Version 2 has a hash in each line, bytes of tokens and first tokens; version 1 is read and
    /// completed as it is.
    /// </summary>
    public const int CurrentVersion = 2;

    // The way corpora are cut into pieces. A file's name depends on it, and not on the layout.
    private const int CutVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>Windows, start token and the like.</summary>
    public required string Scoring { get; init; }

    /// <summary>What is kept of each token.</summary>
    public required string Detail { get; init; }

    /// <summary>The corpus's fingerprint.</summary>
    public required string Corpus { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>The shard's number, from 0.</summary>
    public required int Shard { get; init; }

    public required int ShardCount { get; init; }

    /// <summary>What shards of one measurement have in common, as a hash.</summary>
    public string Fingerprint() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"{CutVersion}\n{Model}\n{Scoring}\n{Detail}\n{Corpus}\n{VocabularySize}"))));

    /// <summary>In what another measurement differs from this; <see langword="null"/> if in nothing.</summary>
    public string? DifferenceFrom(ResultHeader other) =>
        Model != other.Model ? "models"
        : Scoring != other.Scoring ? $"options ({Scoring} and {other.Scoring})"
        : Detail != other.Detail ? $"details ({Detail} and {other.Detail})"
        : Corpus != other.Corpus ? "corpora"
        : VocabularySize != other.VocabularySize ? "vocabularies"
        : null;
}
