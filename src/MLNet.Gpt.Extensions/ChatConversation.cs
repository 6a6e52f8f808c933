using Microsoft.Extensions.AI;
using MLNet.Gpt.Data.Instructions;

namespace MLNet.Gpt.Extensions;

/// <summary>Conversations of Microsoft.Extensions.AI for a model's chat template.</summary>
internal static class ChatConversation
{
    private const string Advice =
        $" Set {nameof(GptChatClientOptions)}.{nameof(GptChatClientOptions.FormatPrompt)} to format conversations yourself, "
        + $"for example to {nameof(GptChatClientOptions)}.{nameof(GptChatClientOptions.JoinText)} to continue their text.";

    /// <summary>Returns the template of a model; <see langword="null"/> if its files have none.</summary>
    /// <exception cref="NotSupportedException">The template is of no known family; the message names it.</exception>
    public static ChatFormat? TemplateOf(ITextTokenizer tokenizer) => ChatFormat.Of(tokenizer, Advice);

    /// <summary>Returns the ids of a conversation up to where the assistant answers.</summary>
    /// <exception cref="NotSupportedException">A message contains something other than text, or has another role.</exception>
    public static int[] Encode(this ChatFormat template, IEnumerable<ChatMessage> messages, CancellationToken cancellationToken) =>
        template.EncodeTurns(
            messages.Select(message => new ChatTurn(RoleOf(message), GptChatClientOptions.TextOf(message))), cancellationToken);

    private static string RoleOf(ChatMessage message) =>
        message.Role == ChatRole.System ? ChatTurn.System
        : message.Role == ChatRole.User ? ChatTurn.User
        : message.Role == ChatRole.Assistant ? ChatTurn.Assistant
        : message.Role.Value;
}
