namespace MLNet.Gpt;

/// <summary>How a question is judged.</summary>
public enum TaskKind
{
    /// <summary>The model chooses the likeliest of several choices: multiple choice, Winogrande, minimal pairs.</summary>
    MultipleChoice,

    /// <summary>There is one continuation, and the model is right if it is the greedy one: the last word, as in LAMBADA.</summary>
    Completion,

    /// <summary>A text is measured as a whole: rolling perplexity.</summary>
    Text,
}
