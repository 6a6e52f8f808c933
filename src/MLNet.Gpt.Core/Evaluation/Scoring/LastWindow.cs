namespace MLNet.Gpt;

/// <summary>Where the last window of a text begins if the text does not fill it.</summary>
public enum LastWindow
{
    /// <summary>
    /// At the next multiple of the stride, like all windows; it is then shorter. This is cheaper, and what Hugging
    /// Face's guide does.
    /// </summary>
    OnStride,

    /// <summary>
    /// Early enough that it is as long as the others and its targets have as much context as possible, as in
    /// lm-evaluation-harness.
    /// </summary>
    AtEnd,
}
