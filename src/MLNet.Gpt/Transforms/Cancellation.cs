using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Transforms;

/// <summary>Whether work is to stop: the caller's token, or ML.NET's own cancellation of the context that a component belongs to.</summary>
/// <param name="host">What the component was registered as; <see langword="null"/> where it belongs to no context.</param>
/// <param name="token">The caller's.</param>
internal sealed class Cancellation(IHost? host, CancellationToken token = default)
{
    /// <summary>For work that engines do in one piece.</summary>
    public CancellationToken Token => token;

    /// <summary>The same with a token.</summary>
    public Cancellation With(CancellationToken other) => new(host, other);

    /// <exception cref="OperationCanceledException">The work is to stop.</exception>
    public void ThrowIfRequested()
    {
        token.ThrowIfCancellationRequested();
        if (host is ICancelable { IsCanceled: true }) throw new OperationCanceledException("The MLContext's execution was cancelled.");
    }
}
