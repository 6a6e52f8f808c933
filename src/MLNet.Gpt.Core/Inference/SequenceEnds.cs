namespace MLNet.Gpt.Inference;

/// <summary>Receives the state after the last token of packed sequences, computed in the pass that scores them.</summary>
internal abstract class SequenceEnds
{
    /// <summary>Whether the next token's logits are needed in addition to the hidden state.</summary>
    public abstract bool WantsLogits { get; }

    /// <summary>Whether the end of this sequence is needed.</summary>
    public abstract bool IsWanted(int sequence);

    /// <summary>Called once for each such sequence that has a token, by several threads at a time and in any order.</summary>
    /// <param name="sequence">Its index in the call.</param>
    /// <param name="hiddenState">The last token's hidden state after the last layer norm (C); valid during the call.</param>
    /// <param name="logits">The next token's logits (V), empty if not needed; valid during the call.</param>
    public abstract void Show(int sequence, ReadOnlySpan<float> hiddenState, ReadOnlySpan<float> logits);
}
