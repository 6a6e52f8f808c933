using MLNet.Gpt.Benchmarks.Measurement;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Decoding while another program keeps one core busy: speed should fall by that core's share and not collapse.
/// </summary>
internal static class BusyMachineBenchmark
{
    private const int Rounds = 5;
    private const int Tokens = 48;

    public static void Run()
    {
        using var model = GptModel.FromWeights(RandomWeights.Create(GptPresets.Gpt2Small), Gpt2Tokenizer.Instance);
        Report.Print(
            "Decoding f32, alone and with another program keeping one core busy",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("quiet", Tokens, () => Decode(model)),
                new("one core busy", Tokens, () =>
                {
                    using var burner = Burner.Start(1);
                    Decode(model);
                })));
    }

    private static void Decode(GptModel model)
    {
        using var session = model.CreateSession();
        for (int i = 0; i < Tokens; i++) session.Append([i]);
    }
}
