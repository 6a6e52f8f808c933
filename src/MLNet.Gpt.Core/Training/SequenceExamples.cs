using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Training;

/// <summary>Sequences to learn from, or to measure, as batches are made of them.</summary>
internal sealed class SequenceExamples : IExamples
{
    private readonly IReadOnlyList<TrainingSequence> _sequences;
    private string? _fingerprint;

    /// <param name="sequences">The sequences.</param>
    /// <param name="contextLength">The maximum number of inputs of one.</param>
    /// <param name="vocabularySize">The vocabulary size against which all ids are checked.</param>
    /// <param name="name">What the sequences are, for messages: the name of the parameter that they were passed as.</param>
    /// <exception cref="ArgumentException">
    /// There are none, no target counts, some are labeled and some are not, or one is too short or too long.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public SequenceExamples(IReadOnlyList<TrainingSequence> sequences, int contextLength, int vocabularySize, string name)
    {
        if (sequences.Count == 0) throw new ArgumentException("There are no sequences.", name);
        (_sequences, ContextLength) = (sequences, contextLength);
        for (int i = 0; i < sequences.Count; i++)
        {
            var sequence = sequences[i] ?? throw new ArgumentException($"Sequence {i} is null.", name);
            Check(sequence, i, vocabularySize, name);
            TargetCount += sequence.TargetCount;
        }

        if (TargetCount == 0) throw new ArgumentException($"No target of the {Quantity.Of(sequences.Count, "sequence")} counts.", name);
    }

    /// <inheritdoc/>
    public int Count => _sequences.Count;

    /// <inheritdoc/>
    public int ShuffledCount => Count;

    /// <inheritdoc/>
    public int ContextLength { get; }

    /// <inheritdoc/>
    public long TargetCount { get; }

    /// <summary>What the sequences have, for messages.</summary>
    public string Kind => KindOf(_sequences[0]);

    /// <inheritdoc/>
    public int Length(int example) => _sequences[example].InputCount;

    /// <inheritdoc/>
    public int? Label(int example) => _sequences[example].Label;

    /// <inheritdoc/>
    public float? Value(int example) => _sequences[example].Value;

    /// <inheritdoc/>
    public void Copy(int example, Span<int> inputs, Span<int> targets)
    {
        var sequence = _sequences[example];
        var tokens = sequence.Tokens.Span;
        tokens[..inputs.Length].CopyTo(inputs);
        int ignored = sequence.IsLabeled ? inputs.Length : Math.Min(inputs.Length, Math.Max(1, sequence.FirstTarget) - 1);
        targets[..ignored].Fill(TokenBatch.Ignored);
        if (ignored < inputs.Length) tokens[(ignored + 1)..].CopyTo(targets[ignored..]);
    }

    /// <inheritdoc/>
    public string Fingerprint(CancellationToken cancellationToken)
    {
        if (_fingerprint is not null) return _fingerprint;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<int> head = stackalloc int[4];
        foreach (var sequence in _sequences)
        {
            cancellationToken.ThrowIfCancellationRequested();
            head[0] = sequence.Tokens.Length;
            head[1] = Math.Max(1, sequence.FirstTarget);
            head[2] = sequence.Label ?? -1;
            head[3] = sequence.Value is { } value ? BitConverter.SingleToInt32Bits(value) : -1; // −1 is a NaN, which no value is
            hash.AppendData(MemoryMarshal.AsBytes(head));
            hash.AppendData(MemoryMarshal.AsBytes(sequence.Tokens.Span));
        }

        return _fingerprint = Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private void Check(TrainingSequence sequence, int index, int vocabularySize, string name)
    {
        if (sequence.Label is not null && sequence.Value is not null)
        {
            throw new ArgumentException($"Sequence {index} has both a label and a number.", name);
        }

        if (KindOf(sequence) != Kind)
        {
            throw new ArgumentException($"Sequence {index} has {KindOf(sequence)}, but sequence 0 has {Kind}.", name);
        }

        if (sequence.InputCount == 0)
        {
            throw new ArgumentException($"Sequence {index} has 1 token, so there is nothing to predict; at least 2 are needed.", name);
        }

        if (sequence.InputCount > ContextLength)
        {
            throw new ArgumentException(
                $"Sequence {index} has {Quantity.Of(sequence.Tokens.Length, "token")}, of which the model reads {sequence.InputCount}; "
                + $"it reads at most {ContextLength}, its context length.",
                name);
        }

        TokenIds.Validate(sequence.Tokens.Span, vocabularySize, name);
    }

    private static string KindOf(TrainingSequence sequence) =>
        sequence.Label is not null ? "a label" : sequence.Value is not null ? "a number" : "neither a label nor a number";
}
