using MLNet.Gpt.Benchmarks.Baselines;
using MLNet.Gpt.Benchmarks.Measurement;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Compares the lecture's two computations, the loss of a text and greedy generation, with the lecture's code in TorchSharp.
/// </summary>
internal static class LectureBenchmark
{
    private const int Rounds = 5;
    private const int NewTokens = 24;

    public static void Run()
    {
        var weights = RandomWeights.Create(GptPresets.Lecture);
        using var model = GptModel.FromWeights(weights, Gpt2Tokenizer.Instance);
        using var baseline = new TorchGpt(weights);
        using var noGradients = torch.no_grad();

        int context = model.Config.ContextLength;
        int[] ids = Ids(context + 1, model.Config.VocabularySize);
        using var inputs = torch.tensor(ids[..^1], torch.ScalarType.Int64).view(1, context);
        using var targets = torch.tensor(ids[1..], torch.ScalarType.Int64).view(1, context);
        var scorer = new TextScorer(model);
        Report.Print(
            $"Loss of a text of {context} tokens, the lecture's model, f32",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("TorchSharp, the lecture's code", context, () => baseline.Loss(inputs, targets)),
                new("MLNet.Gpt", context, () => scorer.ScoreTokens(ids))));

        int[] prompt = ids[..4];
        var generator = new TextGenerator(model, new GenerationOptions { MaxTokens = NewTokens, StopAtEndOfText = false });
        Report.Print(
            $"Greedy generation of {NewTokens} tokens after {prompt.Length}",
            "tokens/s",
            Comparison.Run(
                Rounds,
                new("TorchSharp, the lecture's code", NewTokens, () => Greedy(baseline, prompt)),
                new("MLNet.Gpt", NewTokens, () => generator.Generate(prompt))));
    }

    /// <summary>Returns ids from all parts of the vocabulary.</summary>
    public static int[] Ids(int count, int vocabularySize) =>
        [.. Enumerable.Range(0, count).Select(i => (int)(((i * 7919L) + 13) % vocabularySize))];

    /// <summary>Generates as the lecture's <c>generate_text_simple</c>: the whole text goes through the model for each new token.</summary>
    private static void Greedy(TorchGpt model, int[] prompt)
    {
        using var scope = torch.NewDisposeScope();
        var ids = torch.tensor(prompt, torch.ScalarType.Int64).view(1, prompt.Length);
        for (int i = 0; i < NewTokens; i++)
        {
            var logits = model.Forward(ids)[.., ^1]; // (1, T, V) -> (1, V)
            ids = torch.cat([ids, logits.argmax(-1, keepdim: true)], 1);
        }
    }
}
