using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// A sequence of tokens to learn from: which of its tokens count as targets, or the label of the whole. Immutable.
/// </summary>
/// <remarks>
/// Without a label, each token except the first is predicted from those before it, and counts from
/// <see cref="FirstTarget"/> on. With <see cref="Label"/> or <see cref="Value"/>, the scores of the last token are compared
/// with it.
/// </remarks>
public sealed class TrainingSequence
{
    /// <summary>Creates a sequence.</summary>
    /// <param name="tokens">The ids; at least 1. They are not copied and must not be changed afterwards.</param>
    /// <exception cref="ArgumentException">There are no tokens.</exception>
    public TrainingSequence(ReadOnlyMemory<int> tokens)
    {
        if (tokens.IsEmpty) throw new ArgumentException("The sequence has no tokens.", nameof(tokens));
        Tokens = tokens;
    }

    /// <summary>The ids.</summary>
    public ReadOnlyMemory<int> Tokens { get; }

    /// <summary>
    /// The first token whose prediction counts, by its index in <see cref="Tokens"/>; at least 0 and at most their number, with
    /// which none counts. Preceding tokens, such as those of a prompt, are only read. The first token of a sequence is never
    /// predicted, so 0 and 1 are the same.
    /// </summary>
    /// <value>0: all predictions count.</value>
    public int FirstTarget { get; init => field = Check.Between(value, 0, Tokens.Length, nameof(FirstTarget)); }

    /// <summary>The class of the sequence, from 0; at least 0.</summary>
    /// <value><see langword="null"/>: none.</value>
    public int? Label { get; init => field = Check.AtLeast(value, 0, nameof(Label)); }

    /// <summary>The number that is learned for the sequence; finite.</summary>
    /// <value><see langword="null"/>: none.</value>
    public float? Value
    {
        get;
        init => field = value is null || float.IsFinite(value.Value)
            ? value
            : throw Check.OutOfRange(nameof(Value), value, "finite");
    }

    /// <summary>Whether the whole sequence has a label or a number.</summary>
    internal bool IsLabeled => Label is not null || Value is not null;

    /// <summary>What the network reads, the rows of the sequence in a batch: without a label, all tokens but the last.</summary>
    internal int InputCount => IsLabeled ? Tokens.Length : Tokens.Length - 1;

    /// <summary>Targets that count; 1 for a labeled sequence.</summary>
    internal int TargetCount => IsLabeled ? 1 : Tokens.Length - Math.Max(1, FirstTarget);
}
