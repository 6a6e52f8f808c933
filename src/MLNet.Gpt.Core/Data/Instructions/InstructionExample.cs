namespace MLNet.Gpt;

/// <summary>An instruction and the response that a model should learn to give. Immutable.</summary>
public sealed class InstructionExample
{
    /// <summary>Creates an example.</summary>
    /// <param name="prompt">The instruction.</param>
    /// <param name="response">The response.</param>
    /// <param name="input">What the instruction is about; empty or <see langword="null"/> for none.</param>
    public InstructionExample(string prompt, string response, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(response);
        (Prompt, Response, Input) = (prompt, response, input ?? "");
    }

    /// <summary>The instruction.</summary>
    public string Prompt { get; }

    /// <summary>What the instruction is about; empty for none.</summary>
    public string Input { get; }

    /// <summary>The response.</summary>
    public string Response { get; }

    /// <summary>The instruction.</summary>
    public override string ToString() => Prompt;
}
