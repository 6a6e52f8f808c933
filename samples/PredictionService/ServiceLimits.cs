namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>
/// What a request may cost. Each is a setting of its name: an argument, an environment variable, or an entry of
/// appsettings.json.
/// </summary>
public sealed record ServiceLimits
{
    /// <summary>Bytes of a request's body; a longer one is answered 413.</summary>
    public int MaxBodyBytes { get; init; } = 64 * 1024;

    /// <summary>Tokens of a text; a longer one is answered 413 before anything is computed.</summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>Seconds that a client may take to send its body; a slower one is answered 408.</summary>
    public double BodySeconds { get; init; } = 10;

    /// <summary>Requests that may wait for their turn; more are answered 503 at once, and may be sent again.</summary>
    public int QueueLength { get; init; } = 256;

    /// <summary>Seconds that a request may wait for its turn; one that waits longer is answered 503.</summary>
    public double QueueSeconds { get; init; } = 30;

    /// <summary>Seconds that a prediction may take; one that takes longer is stopped and answered 503.</summary>
    public double PredictSeconds { get; init; } = 30;
}
