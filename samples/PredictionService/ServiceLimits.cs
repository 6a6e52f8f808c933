namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>
/// Limits on the cost of a request. Each property can be set by name: as an argument, as an environment variable, or in
/// appsettings.json.
/// </summary>
public sealed record ServiceLimits
{
    /// <summary>The maximum size of a request's body in bytes; a larger one is answered with 413.</summary>
    public int MaxBodyBytes { get; init; } = 64 * 1024;

    /// <summary>
    /// The maximum number of tokens in a text; a longer one is answered with 413 before anything is computed.
    /// </summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>Seconds that a client may take to send its body; a slower one is answered with 408.</summary>
    public double BodySeconds { get; init; } = 10;

    /// <summary>
    /// Requests that may wait for their turn; more are answered with 503 at once, and may be retried.
    /// </summary>
    public int QueueLength { get; init; } = 256;

    /// <summary>Seconds that a request may wait for its turn; one that waits longer is answered with 503.</summary>
    public double QueueSeconds { get; init; } = 30;

    /// <summary>Seconds that a prediction may take; one that takes longer is stopped and answered with 503.</summary>
    public double PredictSeconds { get; init; } = 30;
}
