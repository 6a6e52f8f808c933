using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>
/// The lecture's steps from logits to perplexity, with their numbers. Lists of lists have one row per input.
/// </summary>
public sealed class GptLossStep
{
    private readonly LossSteps _steps;
    private readonly ITextTokenizer _tokenizer;

    internal GptLossStep(LossSteps steps, ITextTokenizer tokenizer) => (_steps, _tokenizer) = (steps, tokenizer);

    /// <summary>The inputs' token ids.</summary>
    public int[][] InputId => Rows(_steps.Inputs);

    /// <summary>The inputs' texts.</summary>
    public string[] InputText => Decode(InputId);

    /// <summary>The targets' token ids.</summary>
    public int[][] TargetId => Rows(_steps.Targets);

    /// <summary>The targets' texts.</summary>
    public string[] TargetText => Decode(TargetId);

    /// <summary>The shape of logits and probabilities: rows, tokens, vocabulary.</summary>
    public int[] ProbabilityShape => [.. _steps.ProbabilitiesShape];

    /// <summary>The ids that the model holds most probable.</summary>
    public int[][] PredictedId => Rows(_steps.ArgMaxIds);

    /// <summary>Their texts.</summary>
    public string[] PredictedText => Decode(PredictedId);

    /// <summary>The probability of each target.</summary>
    public float[][] TargetProbability => Rows(_steps.TargetProbabilities);

    /// <summary>Its natural logarithm.</summary>
    public float[][] LogProbability => Rows(_steps.LogProbabilities);

    /// <summary>The mean of the logarithms.</summary>
    public float MeanLogProbability => _steps.MeanLogProbability;

    /// <summary>Its negative: the cross-entropy, step by step.</summary>
    public float NegativeMeanLogProbability => _steps.NegativeMeanLogProbability;

    /// <summary>The cross-entropy in one call on the flattened logits, in nats per token.</summary>
    public float CrossEntropy => _steps.CrossEntropy;

    /// <summary>exp of the cross-entropy.</summary>
    public float Perplexity => _steps.Perplexity;

    /// <summary>The cross-entropy in bits per token.</summary>
    public double BitsPerToken => _steps.BitsPerToken;

    /// <summary>Number of ids to choose among, V.</summary>
    public int VocabularySize => _steps.VocabularySize;

    /// <summary>ln V: the cross-entropy of guessing blindly.</summary>
    public double UniformCrossEntropy => _steps.UniformCrossEntropy;

    /// <summary>What the perplexity means against the vocabulary.</summary>
    public string Meaning => _steps.Meaning;

    private T[][] Rows<T>(IReadOnlyList<T> values) => [.. values.Chunk(_steps.TokenCount)];

    private string[] Decode(int[][] rows) => [.. rows.Select(row => _tokenizer.Decode(row))];
}
