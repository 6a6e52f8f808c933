namespace MLNet.Gpt.Data.Instructions;

/// <summary>One message of a conversation.</summary>
/// <param name="Role"><see cref="System"/>, <see cref="User"/> or <see cref="Assistant"/>.</param>
/// <param name="Text">The text.</param>
internal sealed record ChatTurn(string Role, string Text)
{
    public const string System = "system", User = "user", Assistant = "assistant";
}
