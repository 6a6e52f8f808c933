namespace MLNet.Gpt;

/// <summary>A row to train a <see cref="GptClassifier"/> on: a text, or a pair of texts, and its label or its number.</summary>
public sealed class LabeledText
{
    /// <summary>Creates a row for classification.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="label">The name of its class.</param>
    /// <param name="secondText">A second text that is classified with the first; <see langword="null"/> if there is none.</param>
    public LabeledText(string text, string label, string? secondText = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(label);
        (Text, Label, SecondText) = (text, label, secondText);
    }

    /// <summary>Creates a row for regression.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="value">The number to predict; finite.</param>
    /// <param name="secondText">A second text that is read with the first; <see langword="null"/> if there is none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is NaN or infinite.</exception>
    public LabeledText(string text, float value, string? secondText = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!float.IsFinite(value)) throw Configuration.Check.OutOfRange(nameof(value), value, "finite");
        (Text, Value, SecondText) = (text, value, secondText);
    }

    /// <summary>The text.</summary>
    public string Text { get; }

    /// <summary>The second text of a pair; <see langword="null"/> for a single text.</summary>
    public string? SecondText { get; }

    /// <summary>The name of the class; <see langword="null"/> for regression.</summary>
    public string? Label { get; }

    /// <summary>The number to predict; <see langword="null"/> for classification.</summary>
    public float? Value { get; }

    /// <summary>The label or the number, and the text.</summary>
    public override string ToString() => FormattableString.Invariant($"{Label ?? (object?)Value}: {Text}");
}
