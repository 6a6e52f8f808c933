namespace MLNet.Gpt.Formats.Metadata;

/// <summary>Configurations from files, which may say anything.</summary>
internal static class Configurations
{
    /// <summary>Makes a configuration whose feed-forward width can be counted as well.</summary>
    /// <exception cref="InvalidDataException">Its properties are out of range or contradict each other.</exception>
    public static GptConfig Validated(string path, Func<GptConfig> create)
    {
        try
        {
            var config = create().Validated();
            _ = checked(4 * config.EmbeddingWidth);
            return config;
        }
        catch (Exception error) when (error is ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"'{path}' holds no valid model configuration: {error.Message}", error);
        }
    }
}
