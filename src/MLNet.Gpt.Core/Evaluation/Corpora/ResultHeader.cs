using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>The first line of a result file: what was measured, and how.</summary>
internal sealed record ResultHeader
{
    /// <summary>
    /// The version of the layout of result files. Version 2 adds a hash to each line, the bytes of tokens, and first
    /// tokens; version 3 adds the blocks of long documents. Files of older versions are read and completed as they are.
    /// </summary>
    public const int CurrentVersion = 3;

    /// <summary>The <see cref="Detail"/> of the results of a task's questions; those of a corpus have others.</summary>
    public const string TaskDetail = "task";

    /// <summary>The <see cref="Detail"/> of a comparison with a reference.</summary>
    public const string DivergenceDetail = "divergence";

    // The version of the division into chunks, on which the name of a file depends; it does not depend on the layout.
    private const int ChunkVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>The windows, the start token and so on.</summary>
    public required string Scoring { get; init; }

    /// <summary>The part of <see cref="Scoring"/> that says which text is predicted, whatever the windows.</summary>
    [JsonIgnore]
    public string TextSettings => Scoring[(Scoring.IndexOf("documents=", StringComparison.Ordinal) is var start and >= 0 ? start : 0)..];

    /// <summary>What is kept for each token.</summary>
    public required string Detail { get; init; }

    /// <summary>Whether the model is compared with a reference.</summary>
    [JsonIgnore]
    public bool HasReference => Detail == DivergenceDetail;

    /// <summary>The corpus's fingerprint.</summary>
    public required string Corpus { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>The index of the shard, from 0.</summary>
    public required int Shard { get; init; }

    public required int ShardCount { get; init; }

    /// <summary>
    /// Whether the file has the blocks of tokens that intervals are computed from; otherwise the part of a document in a chunk is a block.
    /// </summary>
    [JsonIgnore]
    public bool HasBlocks => Version >= 3;

    /// <summary>Returns a hash of what the shards of one measurement have in common.</summary>
    public string Fingerprint() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"{ChunkVersion}\n{Model}\n{Scoring}\n{Detail}\n{Corpus}\n{VocabularySize}"))));

    /// <summary>Returns the path of the result file in a folder.</summary>
    public string PathIn(string folder) => Path.Combine(
        folder,
        string.Create(CultureInfo.InvariantCulture, $"{Fingerprint()[..16]}.{Shard + 1:0000}-of-{ShardCount:0000}.jsonl"));

    /// <summary>Returns what differs in another measurement; <see langword="null"/> if nothing does.</summary>
    public string? DifferenceFrom(ResultHeader other) =>
        Model != other.Model ? "models"
        : Scoring != other.Scoring ? $"options ({Scoring} and {other.Scoring})"
        : Detail != other.Detail ? $"details ({Detail} and {other.Detail})"
        : Corpus != other.Corpus ? "corpora"
        : VocabularySize != other.VocabularySize ? "vocabularies"
        : null;
}
