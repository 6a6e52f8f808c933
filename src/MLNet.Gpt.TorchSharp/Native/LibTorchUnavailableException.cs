namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// libtorch cannot be loaded on this machine; the message says what is missing and how to get it. Only training needs libtorch:
/// measuring and generating work without it.
/// </summary>
public sealed class LibTorchUnavailableException : PlatformNotSupportedException
{
    /// <summary>An exception with what is missing.</summary>
    public LibTorchUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
