using System.Text;
using Microsoft.Extensions.AI;

namespace MLNet.Gpt.Extensions;

/// <summary>How a <see cref="GptChatClient"/> writes. Immutable.</summary>
public sealed record GptChatClientOptions
{
    /// <summary>What holds where a call's <see cref="ChatOptions"/> say nothing.</summary>
    /// <value>The library's defaults (greedy, 50 tokens), with special tokens in the conversation read as plain text.</value>
    public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } =
        new() { PromptSpecialTokens = SpecialTokens.Literal };

    /// <summary>The name that responses carry, and the only one that <see cref="ChatOptions.ModelId"/> may ask for; not empty.</summary>
    /// <value><c>gpt2</c>.</value>
    public string ModelId
    {
        get;
        init => field = string.IsNullOrWhiteSpace(value) ? throw new ArgumentException($"{nameof(ModelId)} is empty; a model needs a name.", nameof(ModelId)) : value;
    } = "gpt2";

    /// <summary>Makes the text to continue out of a conversation.</summary>
    /// <value><see cref="JoinText"/>.</value>
    public Func<IEnumerable<ChatMessage>, string> FormatPrompt { get; init => field = value ?? throw new ArgumentNullException(nameof(FormatPrompt)); } = JoinText;

    /// <summary>
    /// The messages' texts in order, nothing added but a line break before each message that is not the assistant's:
    /// those stand directly behind the text that they continued. Roles are left out; GPT-2 knows none.
    /// </summary>
    /// <exception cref="NotSupportedException">A message holds something other than text.</exception>
    public static string JoinText(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var text = new StringBuilder();
        foreach (var message in messages)
        {
            if (text.Length > 0 && message.Role != ChatRole.Assistant) text.Append('\n');
            foreach (var content in message.Contents)
            {
                text.Append(content switch
                {
                    TextContent written => written.Text,
                    UsageContent => string.Empty, // A response given back as history carries its bill.
                    _ => throw new NotSupportedException($"A message holds {content.GetType().Name}; GPT-2 reads text alone."),
                });
            }
        }

        return text.ToString();
    }
}
