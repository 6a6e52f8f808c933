using System.Text;
using Microsoft.Extensions.AI;

namespace MLNet.Gpt.Extensions;

/// <summary>How a <see cref="GptChatClient"/> continues conversations. Immutable.</summary>
public sealed record GptChatClientOptions
{
    /// <summary>The generation options for anything that a call's <see cref="ChatOptions"/> do not set.</summary>
    /// <value>The library's defaults (greedy, 50 tokens), with special tokens in the conversation read as plain text.</value>
    public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } =
        new() { PromptSpecialTokens = SpecialTokens.Literal };

    /// <summary>
    /// The name in responses, and the only one that <see cref="ChatOptions.ModelId"/> may request; not empty.
    /// </summary>
    /// <value><c>gpt2</c>.</value>
    public string ModelId
    {
        get;
        init => field = string.IsNullOrWhiteSpace(value)
            ? throw new ArgumentException($"{nameof(ModelId)} is empty; a model needs a name.", nameof(ModelId))
            : value;
    } = "gpt2";

    /// <summary>
    /// Formats a conversation as the text to continue, in place of the model's chat template; for example
    /// <see cref="JoinText"/>.
    /// </summary>
    /// <value>
    /// <see langword="null"/>: the chat template in the model's files or, without one, <see cref="JoinText"/>.
    /// </value>
    public Func<IEnumerable<ChatMessage>, string>? FormatPrompt { get; init; }

    /// <summary>
    /// Joins the messages' texts in order, with a line break before each message that is not the assistant's, because
    /// those directly follow the text that they continued. Roles are left out; GPT-2 does not know any.
    /// </summary>
    /// <exception cref="NotSupportedException">A message contains something other than text.</exception>
    public static string JoinText(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var text = new StringBuilder();
        foreach (var message in messages)
        {
            if (text.Length > 0 && message.Role != ChatRole.Assistant) text.Append('\n');
            text.Append(TextOf(message));
        }

        return text.ToString();
    }

    /// <summary>Returns the text of a message.</summary>
    /// <exception cref="NotSupportedException">The message contains something other than text.</exception>
    internal static string TextOf(ChatMessage message) => string.Concat(message.Contents.Select(content => content switch
    {
        TextContent written => written.Text,
        UsageContent => string.Empty, // a response that is passed back as history includes its usage
        _ => throw new NotSupportedException($"A message contains {content.GetType().Name}; the model reads only text."),
    }));
}
