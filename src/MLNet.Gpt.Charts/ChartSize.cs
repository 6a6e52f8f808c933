namespace MLNet.Gpt.Charts;

/// <summary>A picture's size in pixels.</summary>
/// <param name="Width">From left to right; at least 100.</param>
/// <param name="Height">From top to bottom; at least 100.</param>
public readonly record struct ChartSize(int Width, int Height)
{
    /// <summary>900 × 560 pixels.</summary>
    public static ChartSize Default { get; } = new(900, 560);

    /// <inheritdoc cref="ChartSize(int, int)" path="/param[@name='Width']"/>
    public int Width { get; init => field = Checked(value, nameof(Width)); } = Checked(Width, nameof(Width));

    /// <inheritdoc cref="ChartSize(int, int)" path="/param[@name='Height']"/>
    public int Height { get; init => field = Checked(value, nameof(Height)); } = Checked(Height, nameof(Height));

    private static int Checked(int pixels, string name) => pixels >= 100
        ? pixels
        : throw new ArgumentOutOfRangeException(name, pixels, $"{name} is {pixels}; a chart is at least 100 pixels wide and high.");
}
