namespace MLNet.Gpt;

/// <summary>A continuation and the context that it continues: what a model assigns a likelihood to.</summary>
public sealed class TaskChoice
{
    /// <summary>Initializes a pair.</summary>
    /// <param name="context">What precedes; empty if nothing does.</param>
    /// <param name="continuation">What is scored, including the space that separates it from the context.</param>
    /// <param name="text">
    /// The text whose length normalizes the likelihood; if <see langword="null"/>, the continuation without the space that it begins with.
    /// </param>
    public TaskChoice(string context, string continuation, string? text = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(continuation);
        (Context, Continuation) = (context, continuation);
        Text = text ?? (continuation.StartsWith(' ') ? continuation[1..] : continuation);
    }

    /// <summary>What precedes the continuation.</summary>
    public string Context { get; }

    /// <summary>What is scored.</summary>
    public string Continuation { get; }

    /// <summary>The text of the choice, without the space that separates it from the context.</summary>
    public string Text { get; }

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
