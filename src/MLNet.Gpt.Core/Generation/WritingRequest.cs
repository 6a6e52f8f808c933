namespace MLNet.Gpt.Generation;

/// <summary>One text that is asked for.</summary>
/// <param name="Index">Its place among all that are asked for.</param>
/// <param name="PromptIds">The prompt, not cropped; at least one token.</param>
/// <param name="SampleIndex">Which of the prompt's samples.</param>
/// <param name="Seed">Where the prompt's random generators start.</param>
internal sealed record WritingRequest(int Index, int[] PromptIds, int SampleIndex, long Seed);
