namespace MLNet.Gpt;

/// <summary>A text that the network wrote during training.</summary>
public sealed class TrainingSample
{
    /// <summary>Steps done when it was written.</summary>
    public required int Step { get; init; }

    /// <summary>The epoch that had ended, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The prompt and what the network added to it.</summary>
    public required string Text { get; init; }

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
