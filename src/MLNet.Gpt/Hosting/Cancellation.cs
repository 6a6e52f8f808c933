using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Hosting;

/// <summary>
/// Whether work is to stop: the caller's token, that of the call that runs on this thread, or ML.NET's own cancellation of the
/// context that a component belongs to.
/// </summary>
/// <param name="host">What the component was registered as; <see langword="null"/> where it belongs to no context.</param>
/// <param name="token">The caller's.</param>
internal sealed class Cancellation(IHost? host, CancellationToken token = default)
{
    // A prediction engine passes no token through a pipeline's rows; it computes them on the thread that calls it.
    [ThreadStatic]
    private static CancellationToken s_ofCall;

    /// <summary>
    /// For work that engines do in one call: the caller's token where there is one, or else that of the call on this thread.
    /// </summary>
    public CancellationToken Token => token.CanBeCanceled ? token : s_ofCall;

    /// <summary>Gives the work of this thread a token, until the result is disposed.</summary>
    public static CallScope OfCall(CancellationToken token)
    {
        var scope = new CallScope(s_ofCall);
        s_ofCall = token;
        return scope;
    }

    /// <summary>The same with a token.</summary>
    public Cancellation With(CancellationToken other) => new(host, other);

    /// <exception cref="OperationCanceledException">The work is to stop.</exception>
    public void ThrowIfRequested()
    {
        token.ThrowIfCancellationRequested();
        s_ofCall.ThrowIfCancellationRequested();
        if (host is ICancelable { IsCanceled: true }) throw new OperationCanceledException("The MLContext's execution was cancelled.");
    }

    /// <summary>Ends a call's token, and restores that of the call around it.</summary>
    internal readonly struct CallScope(CancellationToken outer) : IDisposable
    {
        public void Dispose() => s_ofCall = outer;
    }
}
