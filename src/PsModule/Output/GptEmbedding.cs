namespace MLNetGpt.Output;

/// <summary>A text as a vector.</summary>
public sealed class GptEmbedding
{
    internal GptEmbedding(float[] vector) => Vector = vector;

    /// <summary>The text; <see langword="null"/> for a file.</summary>
    public string? Text { get; init; }

    /// <summary>The file; <see langword="null"/> for a text.</summary>
    public string? Source { get; init; }

    /// <summary>Index of the text among those of one call, from 0.</summary>
    public int Index { get; init; }

    /// <summary>Tokens of the text.</summary>
    public int TokenCount { get; init; }

    /// <summary>The numbers of the vector.</summary>
    public float[] Vector { get; }

    /// <summary>
    /// Returns the cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle, −1 for opposite directions.
    /// </summary>
    /// <param name="other">The vector of another text, from the same model.</param>
    /// <exception cref="ArgumentException">The vectors differ in length.</exception>
    public double CosineSimilarity(float[] other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Length != Vector.Length)
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The vectors have {Vector.Length} and {other.Length} numbers; they are of different models."));
        }

        double product = 0, length = 0, otherLength = 0;
        for (int i = 0; i < other.Length; i++)
        {
            product += (double)Vector[i] * other[i];
            length += (double)Vector[i] * Vector[i];
            otherLength += (double)other[i] * other[i];
        }

        return product / Math.Sqrt(length * otherLength);
    }

    /// <inheritdoc cref="CosineSimilarity(float[])"/>
    public double CosineSimilarity(GptEmbedding other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return CosineSimilarity(other.Vector);
    }
}
