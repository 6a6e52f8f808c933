namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// libtorch cannot be loaded on this machine; the message says what is missing and how to get it. Only TorchSharp
/// networks and the engines of <see cref="TorchSharpEngine"/> need libtorch: measuring, generating and training work
/// without it.
/// </summary>
public sealed class LibTorchUnavailableException : PlatformNotSupportedException
{
    /// <summary>Creates an exception that says what is missing.</summary>
    public LibTorchUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
