using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Hosting;

/// <summary>
/// Combines the sources of cancellation: the caller's token, the token of the call that runs on this thread, and
/// ML.NET's own cancellation of the context that a component belongs to.
/// </summary>
/// <param name="host">The component as registered; <see langword="null"/> if it does not belong to a context.</param>
/// <param name="token">The caller's token.</param>
internal sealed class Cancellation(IHost? host, CancellationToken token = default)
{
    // ML.NET does not pass a token through a pipeline's rows or loaders, but runs them on the calling thread.
    [ThreadStatic]
    private static CancellationToken _ofCall;

    /// <summary>
    /// The token for work that takes one: the caller's if there is one, or else that of the call on this thread.
    /// </summary>
    public CancellationToken Token => token.CanBeCanceled ? token : _ofCall;

    /// <summary>The token of the call on this thread.</summary>
    public static CancellationToken OfThread => _ofCall;

    /// <summary>Sets the token for this thread's work until the result is disposed.</summary>
    public static CallScope OfCall(CancellationToken token)
    {
        var scope = new CallScope(_ofCall);
        _ofCall = token;
        return scope;
    }

    /// <summary>Returns the same sources with another token from the caller.</summary>
    public Cancellation With(CancellationToken other) => new(host, other);

    /// <exception cref="OperationCanceledException">The work was canceled.</exception>
    public void ThrowIfRequested()
    {
        token.ThrowIfCancellationRequested();
        _ofCall.ThrowIfCancellationRequested();
        if (host is ICancelable { IsCanceled: true }) throw new OperationCanceledException("The MLContext's execution was canceled.");
    }

    /// <summary>Restores the token of the surrounding call when disposed.</summary>
    internal readonly struct CallScope(CancellationToken outer) : IDisposable
    {
        public void Dispose() => _ofCall = outer;
    }
}
