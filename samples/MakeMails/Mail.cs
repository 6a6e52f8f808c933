namespace MLNet.Gpt.Samples.MakeMails;

/// <summary>A mail as it is written to the files.</summary>
internal sealed record Mail(string Group, string Text, byte[] Hash)
{
    public static readonly string[] Parts = ["train", "validation", "test"];

    public string Label => Group.StartsWith("spam", StringComparison.Ordinal) ? "spam" : "ham";

    public bool IsHard => Group.StartsWith("hard", StringComparison.Ordinal);

    /// <summary>The file that the mail belongs to, by a byte of its hash: 60, 10 and 30 % of the mails.</summary>
    public string Part => Hash[8] switch { < 154 => Parts[0], < 180 => Parts[1], _ => Parts[2] };
}
