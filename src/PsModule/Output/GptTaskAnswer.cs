using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>What a model answered to a question.</summary>
public sealed class GptTaskAnswer
{
    private readonly TaskResult _result;

    internal GptTaskAnswer(string source, TaskResult result, TaskQuestion? question)
    {
        (Source, _result) = (source, result);
        Task = Path.GetFileNameWithoutExtension(source);
        if (question is null) return;
        Context = question.Choices[0].Context;
        Choice = [.. question.Choices.Select(choice => choice.Text)];
    }

    /// <summary>The name of the file without its extension.</summary>
    public string Task { get; }

    /// <summary>The file of the questions, or the result files.</summary>
    public string Source { get; }

    /// <summary>Index of the question in the task, from 0.</summary>
    public long Index => _result.Index;

    /// <summary>The question's name; empty if it has none.</summary>
    public string Name => _result.Name;

    /// <summary>How the question is judged.</summary>
    public TaskKind Kind => _result.Kind;

    /// <summary>What precedes the (first) choice; <see langword="null"/> for result files.</summary>
    public string? Context { get; }

    /// <summary>The choices; <see langword="null"/> for result files.</summary>
    public string[]? Choice { get; }

    /// <summary>Index of the right choice, from 0; <see langword="null"/> if it is not known.</summary>
    public int? Answer => _result.Answer;

    /// <summary>Index of the likeliest choice, from 0; <see langword="null"/> for a text.</summary>
    public int? Predicted => _result.Predicted;

    /// <summary>
    /// Whether the likeliest choice is the right one, or a completion the greedy one; <see langword="null"/> if that is not known.
    /// </summary>
    public bool? IsRight => _result.IsRight;

    /// <summary>ln p of each choice, in nats.</summary>
    public double[] LogLikelihood => [.. _result.Choices.Select(choice => choice.LogLikelihood)];

    /// <summary>The probability of each choice if it is one of them.</summary>
    public double[] Probability => [.. _result.Probabilities];

    /// <summary>Tokens of each choice.</summary>
    public long[] TokenCount => [.. _result.Choices.Select(choice => choice.TokenCount)];

    /// <summary>Whether each token of a choice is the most probable one, for each choice.</summary>
    public bool[] IsGreedy => [.. _result.Choices.Select(choice => choice.IsGreedy)];

    /// <summary>The Brier score, from 0 to 2; <see langword="null"/> unless the question is of multiple choice and has an answer.</summary>
    public double? BrierScore => _result.BrierScore;

    /// <summary>The bits per byte of a text; <see langword="null"/> for other questions.</summary>
    public double? BitsPerByte => _result.Text?.BitsPerByte;

    /// <summary>The question and what was answered.</summary>
    public override string ToString() => _result.ToString();
}
