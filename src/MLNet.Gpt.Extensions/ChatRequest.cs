using Microsoft.Extensions.AI;

namespace MLNet.Gpt.Extensions;

/// <summary>Translates a call to the chat interface into this library's options.</summary>
internal static class ChatRequest
{
    /// <summary>Returns the client's options, overridden by those of the call.</summary>
    /// <exception cref="NotSupportedException">The call requires something that a language model alone cannot do.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or the call requests another model.</exception>
    public static GenerationOptions ToGenerationOptions(ChatOptions? call, GptChatClientOptions client, IChatClient asked)
    {
        if (call is null) return client.Generation;
        Refuse(call, client);

        var generation = call.RawRepresentationFactory?.Invoke(asked) as GenerationOptions ?? client.Generation;
        return generation with
        {
            MaxTokens = call.MaxOutputTokens ?? generation.MaxTokens,
            Temperature = call.Temperature ?? generation.Temperature,
            TopK = call.TopK ?? generation.TopK,
            TopP = call.TopP ?? generation.TopP,
            FrequencyPenalty = call.FrequencyPenalty ?? generation.FrequencyPenalty,
            PresencePenalty = call.PresencePenalty ?? generation.PresencePenalty,
            Seed = call.Seed ?? generation.Seed,
            StopSequences = call.StopSequences is { } stops ? [.. stops] : generation.StopSequences,
        };
    }

    /// <summary>
    /// Returns the call's instructions, which precede it as a system message, followed by the conversation.
    /// </summary>
    public static IEnumerable<ChatMessage> WithInstructions(IEnumerable<ChatMessage> messages, ChatOptions? call) =>
        string.IsNullOrEmpty(call?.Instructions) ? messages : messages.Prepend(new(ChatRole.System, call.Instructions));

    private static void Refuse(ChatOptions call, GptChatClientOptions client)
    {
        if (call.ModelId is { } name && name != client.ModelId)
        {
            throw new ArgumentException(
                $"{nameof(ChatOptions.ModelId)} is '{name}'; this client has one model, '{client.ModelId}'.", nameof(call));
        }

        string? beyond = call switch
        {
            { Tools.Count: > 0 } => nameof(ChatOptions.Tools),
            { ResponseFormat: not (null or ChatResponseFormatText) } => nameof(ChatOptions.ResponseFormat),
            { ConversationId: not null } => nameof(ChatOptions.ConversationId),
            _ => null,
        };
        if (beyond is null) return;
        throw new NotSupportedException($"{nameof(ChatOptions)}.{beyond} is set; the model can only write text.");
    }
}
