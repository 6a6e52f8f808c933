using MLNet.Gpt.Data;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training.Managed.Sequences;

/// <summary>What is learned from sequences, and small decoders and sequences of random ids for it.</summary>
internal static class Tasks
{
    public const string Tokens = "tokens", Responses = "responses", Classes = "classes", Numbers = "numbers";

    public const int ClassCount = 3;

    /// <summary>GPT-2 and a Llama with two query heads for each head of keys.</summary>
    public static GptConfig Config(string decoder) => decoder switch
    {
        "gpt2" => GptPresets.Tiny with { DropoutRate = 0, ContextLength = 24 },
        "llama" => new()
        {
            VocabularySize = 61, ContextLength = 24, EmbeddingWidth = 36, HeadCount = 6, KeyValueHeadCount = 3, LayerCount = 3,
            FeedForwardWidth = 50, DropoutRate = 0, HasQkvBias = false, HasBias = false, HasTiedHead = false,
            Normalization = Normalization.RmsNorm, Rotary = new(), FeedForward = FeedForwardKind.SwiGlu,
        },
        _ => throw new ArgumentOutOfRangeException(nameof(decoder), decoder, "There is no such decoder."),
    };

    public static int? ScoreCount(string task) => task switch
    {
        Classes => ClassCount,
        Numbers => 1,
        _ => null,
    };

    public static GptWeights Weights(string decoder, string task, int seed = 3) =>
        TinyModels.Weights(Config(decoder) with { ScoreCount = ScoreCount(task) }, seed);

    /// <summary>Sequences of 1 (2 without label) or more tokens; classes and numbers follow from the last token.</summary>
    public static TrainingSequence[] Sequences(string task, int count, int seed, int longest = 24)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(2, longest + 1)).Select(_ => random.Next(61))];
            return task switch
            {
                Tokens => new TrainingSequence(ids),
                Responses => new TrainingSequence(ids) { FirstTarget = random.Next(ids.Length) },
                Classes => new TrainingSequence(ids.AsMemory(1)) { Label = ids[^1] % ClassCount },
                _ => new TrainingSequence(ids.AsMemory(1)) { Value = ids[^1] / 10f },
            };
        })];
    }

    public static TrainingData Data(string task, int count = 20, int seed = 5, int contextLength = 24) => TrainingData.FromSequences(
        Sequences(task, count, seed, contextLength), Sequences(task, count, seed + 1, contextLength), contextLength, vocabularySize: 61);

    public static TokenBatch Batch(params TrainingSequence[] sequences) =>
        new(new SequenceExamples(sequences, 24, 61, "sequences"), [.. Enumerable.Range(0, sequences.Length)]);
}
