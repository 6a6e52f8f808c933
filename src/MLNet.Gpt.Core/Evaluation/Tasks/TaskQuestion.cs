using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>A question of a task: choices, of which a model finds one the likeliest, and which of them is right.</summary>
/// <remarks>
/// Multiple choice has one context and several continuations; Winogrande several contexts and one continuation; a minimal pair two
/// continuations of nothing; the last word one choice; and a text is one choice without a context.
/// </remarks>
public sealed class TaskQuestion
{
    private TaskQuestion(TaskKind kind, IReadOnlyList<TaskChoice> choices, int? answer, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        (Kind, Choices, Answer, Name) = (kind, choices, answer, name);
    }

    /// <summary>The name by which results refer to the question; empty if it has none.</summary>
    public string Name { get; }

    /// <summary>How the question is judged.</summary>
    public TaskKind Kind { get; }

    /// <summary>The choices: at least two for <see cref="TaskKind.MultipleChoice"/>, otherwise one.</summary>
    public IReadOnlyList<TaskChoice> Choices { get; }

    /// <summary>The index of the right choice, from 0; <see langword="null"/> if it is not known.</summary>
    public int? Answer { get; }

    /// <summary>Creates a question whose choices have been made elsewhere.</summary>
    /// <param name="choices">At least two, or one for a completion.</param>
    /// <param name="answer">The index of the right one; <see langword="null"/> if it is not known.</param>
    /// <param name="name">The question's name.</param>
    /// <exception cref="ArgumentException">There are no choices.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such choice.</exception>
    public static TaskQuestion Of(IReadOnlyList<TaskChoice> choices, int? answer, string name = "")
    {
        if (choices.Count == 0) throw new ArgumentException("A question needs at least one choice.", nameof(choices));
        if (answer is { } index) Check.Between(index, 0, choices.Count - 1, nameof(answer));
        return choices.Count == 1
            ? new(TaskKind.Completion, [.. choices], 0, name)
            : new(TaskKind.MultipleChoice, [.. choices], answer, name);
    }

    /// <summary>Creates a question of multiple choice.</summary>
    /// <param name="context">What all choices continue.</param>
    /// <param name="choices">The choices, at least two.</param>
    /// <param name="answer">The index of the right one; <see langword="null"/> if it is not known.</param>
    /// <param name="name">The question's name.</param>
    /// <param name="delimiter">What separates the context from a choice.</param>
    /// <inheritdoc cref="Of" path="/exception"/>
    public static TaskQuestion MultipleChoice(
        string context, IEnumerable<string> choices, int? answer, string name = "", string delimiter = " ") =>
        AtLeastTwo([.. choices.Select(choice => new TaskChoice(context, delimiter + choice, choice))], answer, name);

    /// <summary>Creates a question whose choices differ in what precedes one continuation, as in Winogrande.</summary>
    /// <param name="contexts">What precedes, at least two.</param>
    /// <param name="continuation">What follows each, including the space that separates it.</param>
    /// <param name="answer">The index of the right context; <see langword="null"/> if it is not known.</param>
    /// <param name="name">The question's name.</param>
    /// <inheritdoc cref="Of" path="/exception"/>
    public static TaskQuestion SameContinuation(IEnumerable<string> contexts, string continuation, int? answer, string name = "") =>
        AtLeastTwo([.. contexts.Select(context => new TaskChoice(context, continuation, context))], answer, name);

    /// <summary>Creates a minimal pair, as in BLiMP: two sentences of which one is acceptable.</summary>
    /// <param name="good">The acceptable sentence.</param>
    /// <param name="bad">The other one.</param>
    /// <param name="name">The question's name.</param>
    public static TaskQuestion MinimalPair(string good, string bad, string name = "") =>
        new(TaskKind.MultipleChoice, [new("", " " + good, good), new("", " " + bad, bad)], 0, name);

    /// <summary>Creates a question for the one continuation of a context, as in LAMBADA.</summary>
    /// <param name="context">The context.</param>
    /// <param name="continuation">The continuation, including the space that separates it.</param>
    /// <param name="name">The question's name.</param>
    public static TaskQuestion Completion(string context, string continuation, string name = "") =>
        new(TaskKind.Completion, [new(context, continuation)], 0, name);

    /// <summary>Creates a text whose perplexity is measured.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">Its name.</param>
    public static TaskQuestion OfText(string text, string name = "") => new(TaskKind.Text, [new("", text, text)], null, name);

    /// <summary>The name, and the context of the first choice.</summary>
    public override string ToString() => Name.Length > 0 ? $"{Name}: {Choices[0].Context}" : Choices[0].Context;

    private static TaskQuestion AtLeastTwo(TaskChoice[] choices, int? answer, string name) => choices.Length >= 2
        ? Of(choices, answer, name)
        : throw new ArgumentException($"A multiple-choice question needs at least 2 choices; there is {choices.Length}.", nameof(choices));
}
