
namespace MLNet.Gpt.Training;

/// <summary>Generates a text with the current weights.</summary>
internal static class SampleWriter
{
    public static string Write(IWeightSource weights, SampleOptions options, int? threadCount, CancellationToken cancellationToken)
    {
        using var model = GptModel.FromWeights(
            weights, options.Tokenizer, new() { ThreadCount = threadCount }, cancellationToken: cancellationToken);
        return options.Prompt + new TextGenerator(model).Generate(options.Prompt, options.Generation, cancellationToken).Text;
    }
}
