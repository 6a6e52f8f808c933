namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>A response: the most probable next token, and the loss of the text.</summary>
public sealed record Prediction
{
    public string PredictedToken { get; set; } = string.Empty;

    public float Probability { get; set; }

    public long TokenCount { get; set; }

    public double NegativeLogLikelihood { get; set; }
}
