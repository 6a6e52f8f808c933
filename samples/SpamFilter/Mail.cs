using Microsoft.ML.Data;

namespace MLNet.Gpt.Samples.SpamFilter;

/// <summary>A row of the files in samples/Data/mails.</summary>
internal sealed class Mail
{
    public const string Spam = "spam";

    [LoadColumn(0)]
    public string Label { get; set; } = string.Empty;

    [LoadColumn(1)]
    public string Text { get; set; } = string.Empty;
}
