namespace MLNet.Gpt.Formats.Metadata;

/// <summary>Creates configurations from files, which may contain anything.</summary>
internal static class Configurations
{
    /// <summary>Creates a configuration, and checks that none of its widths overflows.</summary>
    /// <exception cref="InvalidDataException">Its properties are out of range or inconsistent.</exception>
    public static GptConfig Validated(string path, Func<GptConfig> create)
    {
        try
        {
            var config = create().Validated();
            _ = (config.FeedForwardWidth, config.ProjectedWidth);
            return config;
        }
        catch (Exception error) when (error is ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"'{path}' does not contain a valid model configuration: {error.Message}", error);
        }
    }
}
