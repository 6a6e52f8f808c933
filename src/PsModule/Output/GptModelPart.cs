namespace MLNetGpt.Output;

/// <summary>One part of a model.</summary>
public sealed class GptModelPart
{
    internal GptModelPart(string name, long parameterCount, double bytesPerParameter) =>
        (Name, ParameterCount, Bytes) = (name, parameterCount, (long)(parameterCount * bytesPerParameter));

    /// <summary>The part, all layers together.</summary>
    public string Name { get; }

    /// <summary>Its parameters.</summary>
    public long ParameterCount { get; }

    /// <summary>The bytes that they take.</summary>
    public long Bytes { get; }

    /// <summary>Name and parameters.</summary>
    public override string ToString() => FormattableString.Invariant($"{Name} {ParameterCount:N0}");
}
