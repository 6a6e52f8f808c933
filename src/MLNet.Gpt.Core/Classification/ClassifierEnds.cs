using MLNet.Gpt.Inference;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Classification;

/// <summary>Applies a classifier's head to the last token's state of each sequence.</summary>
internal sealed class ClassifierEnds(ClassifierHead head, int count) : SequenceEnds
{
    /// <summary>The outputs of each sequence (K).</summary>
    public float[][] Outputs { get; } = new float[count][];

    public override bool WantsLogits => false;

    public override bool IsWanted(int sequence) => true;

    public override void Show(int sequence, ReadOnlySpan<float> hiddenState, ReadOnlySpan<float> logits) =>
        Outputs[sequence] = head.Apply(hiddenState);
}
