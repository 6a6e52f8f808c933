namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>A response: the token that the model holds most probable next, and how well it foresaw the text.</summary>
public sealed record Prediction
{
    public string PredictedToken { get; set; } = string.Empty;

    public float Probability { get; set; }

    public long TokenCount { get; set; }

    public double NegativeLogLikelihood { get; set; }
}
