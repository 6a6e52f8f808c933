namespace MLNetGpt.Output;

/// <summary>What the model thought of one token of a text.</summary>
public sealed class GptTokenLoss
{
    internal GptTokenLoss()
    {
    }

    /// <summary>The token's place in its text, from 0.</summary>
    public required int Position { get; init; }

    /// <summary>The token's id.</summary>
    public required int Id { get; init; }

    /// <summary>The token's characters; one that spans tokens is the text of the last of them.</summary>
    public required string Text { get; init; }

    /// <summary>p(token), as the model predicted it from the tokens before; NaN for a first token that nothing precedes.</summary>
    public double Probability => Math.Exp(-NegativeLogLikelihood);

    /// <summary>−ln p(token), in nats: its loss.</summary>
    public required double NegativeLogLikelihood { get; init; }

    /// <summary>−log₂ p(token), in bits: its surprisal.</summary>
    public double Bits => NegativeLogLikelihood / Math.Log(2);

    /// <summary>Its place among the model's predictions: 1 is the most probable. 0 for a first token that nothing precedes.</summary>
    public required int Place { get; init; }

    /// <summary>The file that was measured; <see langword="null"/> for a text from the pipeline.</summary>
    public required string? Source { get; init; }

    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
