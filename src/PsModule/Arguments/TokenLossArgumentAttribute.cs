using System.Collections;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts the losses of tokens as <c>Get-GptLoss -PerToken</c> writes them, and as they come back from files, jobs and
/// other processes: objects with the same properties.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TokenLossArgumentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) => inputData switch
    {
        PSObject { BaseObject: IEnumerable and not string and var list } => Transform(engineIntrinsics, list),
        PSObject item => Restore(item),
        IEnumerable and not string => ((IEnumerable)inputData).Cast<object?>()
            .Select(item => item is PSObject stored ? Restore(stored) : item).ToArray(),
        _ => inputData,
    };

    /// <summary>Whether an item is the loss of a token, or was one before it was stored.</summary>
    internal static bool IsTokenLoss(object? item) => item switch
    {
        GptTokenLoss or PSObject { BaseObject: GptTokenLoss } => true,
        PSObject { BaseObject: PSCustomObject } stored =>
            stored.Properties[nameof(GptTokenLoss.NegativeLogLikelihood)] is not null
            && stored.Properties[nameof(GptTokenLoss.Position)] is not null,
        _ => false,
    };

    private static object Restore(PSObject item)
    {
        // What is no loss of a token is left to PowerShell, which names the type that is expected.
        if (item.BaseObject is not PSCustomObject || item.Properties[nameof(GptTokenLoss.NegativeLogLikelihood)] is null) return item;
        try
        {
            return Token(item);
        }
        catch (Exception wrong) when (wrong is PSInvalidCastException or MissingMemberException)
        {
            throw new ArgumentTransformationMetadataException(
                $"This is not the loss of a token as Get-GptLoss -PerToken writes it: {wrong.Message}", wrong);
        }
    }

    private static GptTokenLoss Token(PSObject item)
    {
        var candidates = StoredProperty.Find<PSObject[]>(item, nameof(GptTokenLoss.Candidate)) ?? [];
        var token = new ScoredToken(Piece(item), StoredProperty.Read<string>(item, nameof(GptTokenLoss.Text)))
        {
            Position = StoredProperty.Read<int>(item, nameof(GptTokenLoss.Position)),
            Start = StoredProperty.Read<int>(item, nameof(GptTokenLoss.Start)),
            ByteStart = StoredProperty.Find<int?>(item, nameof(GptTokenLoss.ByteStart)),
            LogProbability = -StoredProperty.Read<double>(item, nameof(GptTokenLoss.NegativeLogLikelihood)),
            Rank = StoredProperty.Read<int>(item, nameof(GptTokenLoss.TokenRank)) - 1,
            ContextCount = StoredProperty.Read<int>(item, nameof(GptTokenLoss.ContextCount)),
            Entropy = StoredProperty.Find<double?>(item, nameof(GptTokenLoss.Entropy)),
            Candidates = [.. candidates.Select(Candidate)],
        };
        var first = StoredProperty.Find<PSObject>(item, nameof(GptTokenLoss.FirstToken));
        return new(token, StoredProperty.Read<int>(item, nameof(GptTokenLoss.VocabularySize)))
        {
            TextIndex = StoredProperty.Read<int>(item, nameof(GptTokenLoss.TextIndex)),
            Source = StoredProperty.Find<string>(item, nameof(GptTokenLoss.Source)),
            FirstToken = first is null ? null : new(0, 0, Piece(first)),
        };
    }

    private static TokenPiece Piece(PSObject item) => TokenPiece.Of(
        StoredProperty.Read<int>(item, nameof(GptToken.Id)), StoredProperty.Read<byte[]>(item, nameof(GptToken.Bytes)));

    private static TokenCandidate Candidate(PSObject item) => new(
        StoredProperty.Read<int>(item, nameof(GptNextToken.Id)),
        StoredProperty.Read<string>(item, nameof(GptNextToken.Text)),
        StoredProperty.Read<double>(item, nameof(GptNextToken.LogProbability)));
}
