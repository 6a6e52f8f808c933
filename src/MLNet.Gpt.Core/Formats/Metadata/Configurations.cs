namespace MLNet.Gpt.Formats.Metadata;

/// <summary>Creates configurations from files, which may contain anything.</summary>
internal static class Configurations
{
    /// <summary>Creates a configuration.</summary>
    /// <exception cref="InvalidDataException">Its properties are out of range or inconsistent.</exception>
    public static GptConfig Validated(string path, Func<GptConfig> create)
    {
        try
        {
            return create().Validated();
        }
        catch (Exception error) when (error is ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"'{path}' does not contain a valid model configuration: {error.Message}", error);
        }
    }
}
