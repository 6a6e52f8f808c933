namespace MLNet.Gpt;

/// <summary>The part of a <see cref="GptClassifier"/> that is trained; the other weights remain as they were.</summary>
public enum TrainedPart
{
    /// <summary>
    /// The new head, the last block and the last norm: the book's choice, at little more than the cost of a forward pass.
    /// </summary>
    HeadAndLastBlock,

    /// <summary>Only the new head.</summary>
    Head,

    /// <summary>All weights.</summary>
    All,
}
