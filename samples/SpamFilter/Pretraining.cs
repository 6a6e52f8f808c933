namespace MLNet.Gpt.Samples.SpamFilter;

/// <summary>Trains a small GPT to continue texts, for want of a large one.</summary>
internal static class Pretraining
{
    private const string EndOfText = "<|endoftext|>";

    /// <summary>Learns a vocabulary and a model from mails, without their labels, and from a novel.</summary>
    public static GptModel Run(string[] mails, string novelPath)
    {
        string[] texts = [.. File.ReadAllText(novelPath).Split("\nCHAPTER "), .. mails];
        var tokenizer = BytePairTrainer.FromTexts(texts, 2048, new() { SpecialTokens = [EndOfText] });
        var config = new GptConfig
        {
            VocabularySize = tokenizer.VocabularySize, ContextLength = 192, EmbeddingWidth = 128, HeadCount = 4, LayerCount = 4,
            DropoutRate = 0.1,
        };
        var options = new TrainingOptions
        {
            Epochs = 3, BatchSize = 8, LearningRate = 2e-3, FinalLearningRate = 1e-4, WarmUpSteps = 40, ValidationFraction = 0.05,
        };
        var data = TrainingData.FromText(string.Join(EndOfText, texts), tokenizer, config.ContextLength, options);
        var trained = WeightInitializer.Create(config, options.Seed).Train(data, options);
        return GptModel.FromWeights(trained.Weights, tokenizer);
    }
}
