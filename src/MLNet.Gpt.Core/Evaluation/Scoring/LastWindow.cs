namespace MLNet.Gpt;

/// <summary>Where the last window of a text begins if the text does not fill it.</summary>
public enum LastWindow
{
    /// <summary>
    /// At the next multiple of the stride, like all windows; it is then shorter. The cheaper choice, and that of Hugging Face's guide.
    /// </summary>
    OnStride,

    /// <summary>
    /// So far before the end that it is as long as the others and its targets have as much context as possible. The choice of
    /// lm-evaluation-harness.
    /// </summary>
    AtEnd,
}
