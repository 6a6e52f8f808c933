using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Data;

/// <summary>A text split in two: the beginning, for training, and the rest, for validation.</summary>
internal readonly record struct TextSplit(string Training, string Validation)
{
    /// <summary>Splits a text at a fraction of its characters, as the lecture does.</summary>
    /// <param name="text">The text.</param>
    /// <param name="trainingFraction">The fraction for training, above 0 and below 1; the lecture's is 0.9.</param>
    /// <remarks>
    /// Characters are counted in UTF-16 units. A split that would fall inside a surrogate pair is moved before it.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not above 0 and below 1.</exception>
    /// <exception cref="ArgumentException">The text is so short that a part would be empty.</exception>
    public static TextSplit AtFraction(string text, double trainingFraction)
    {
        if (trainingFraction is not (> 0 and < 1))
        {
            throw Check.OutOfRange(nameof(trainingFraction), trainingFraction, "above 0 and below 1");
        }

        int cut = (int)(trainingFraction * text.Length);
        if (cut > 0 && cut < text.Length && char.IsSurrogatePair(text[cut - 1], text[cut])) cut--;
        if (cut > 0) return new TextSplit(text[..cut], text[cut..]);
        string message = string.Create(
            CultureInfo.InvariantCulture,
            $"A text of {Quantity.Of(text.Length, "character")} leaves none for training with a fraction of {trainingFraction}.");
        throw new ArgumentException(message, nameof(text));
    }
}
