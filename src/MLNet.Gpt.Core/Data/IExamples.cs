namespace MLNet.Gpt.Data;

/// <summary>What batches are made of: windows of a text, or sequences.</summary>
internal interface IExamples
{
    /// <summary>How many there are; at least 1.</summary>
    int Count { get; }

    /// <summary>How many can be in one batch, in any order: all, or all except an incomplete last window.</summary>
    int ShuffledCount { get; }

    /// <summary>The maximum number of inputs of one.</summary>
    int ContextLength { get; }

    /// <summary>Targets that count in all of them together; for labeled sequences, their labels.</summary>
    long TargetCount { get; }

    /// <summary>Returns the number of inputs of one.</summary>
    int Length(int example);

    /// <summary>
    /// Copies the inputs and targets of one; a target that does not count is <see cref="TokenBatch.Ignored"/>.
    /// </summary>
    void Copy(int example, Span<int> inputs, Span<int> targets);

    /// <summary>Returns the class of one, if all have one.</summary>
    int? Label(int example) => null;

    /// <summary>Returns the number that is learned for one, if all have one.</summary>
    float? Value(int example) => null;

    /// <summary>SHA-256 of everything that is learned from them, in hexadecimal digits.</summary>
    string Fingerprint(CancellationToken cancellationToken);
}
