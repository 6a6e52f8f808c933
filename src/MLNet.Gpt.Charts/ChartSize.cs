using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Charts;

/// <summary>An image's size in pixels. Immutable.</summary>
public sealed record ChartSize
{
    /// <summary>From left to right; at least 100.</summary>
    /// <value>900.</value>
    public int Width { get; init => field = Check.AtLeast(value, 100, nameof(Width)); } = 900;

    /// <summary>From top to bottom; at least 100.</summary>
    /// <value>560.</value>
    public int Height { get; init => field = Check.AtLeast(value, 100, nameof(Height)); } = 560;
}
