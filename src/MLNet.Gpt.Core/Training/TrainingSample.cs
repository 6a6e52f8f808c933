namespace MLNet.Gpt;

/// <summary>A text that was written in training.</summary>
/// <param name="Step">Steps done when it was written.</param>
/// <param name="Epoch">The epoch that had ended, from 1.</param>
/// <param name="Text">The prompt and what the network added to it.</param>
public sealed record TrainingSample(int Step, int Epoch, string Text);
