using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Exposes a model through Microsoft.Extensions.AI's chat interface. A model whose files have a chat template of a known
/// family (ChatML, Llama 3, Gemma, Llama 2 and Mistral) gets the conversation in that form, and its answer ends with the
/// end of its turn. <b>GPT-2 continues text; it does not chat:</b> it was never trained to answer, follow instructions or
/// keep a role. For a model without a template, this client returns a continuation of the conversation's text.
/// </summary>
/// <remarks>
/// <see cref="GptChatClientOptions.FormatPrompt"/> replaces the template. Templates are recognized by their markers and
/// never run, so what they add by themselves, such as a default system message or today's date, is left out. Without a
/// template, a single user message is continued verbatim. These members of <see cref="ChatOptions"/> are used: <c>MaxOutputTokens</c>,
/// <c>Temperature</c> (0 or none: always the most probable token), <c>TopK</c>, <c>TopP</c>, <c>FrequencyPenalty</c>,
/// <c>PresencePenalty</c>, <c>Seed</c>, <c>StopSequences</c>, <c>Instructions</c> (text before the first message),
/// <c>ModelId</c> (must be this model's), and <c>RawRepresentationFactory</c>, which may return
/// <see cref="GenerationOptions"/> to start from. Anything that the model cannot do causes a
/// <see cref="NotSupportedException"/> that names it: tools, a response format other than text, contents other than
/// text, a conversation kept by the service. The conversation is tokenized as plain text: a special token spelled out
/// in it is text. An empty one starts a new document. Thread-safe.
/// </remarks>
public sealed class GptChatClient : IChatClient
{
    private readonly GptModel _model;
    private readonly GptChatClientOptions _options;
    private readonly TextGenerator _generator;
    private readonly ChatClientMetadata _metadata;
    private readonly ChatFormat? _template;

    /// <summary>Creates a client for a model.</summary>
    /// <param name="model">The model. The caller disposes it; disposing the client does not.</param>
    /// <param name="options">The options; the defaults if <see langword="null"/>.</param>
    /// <exception cref="NotSupportedException">
    /// The model's chat template is of no known family, and the options do not replace it; the message names it.
    /// </exception>
    public GptChatClient(GptModel model, GptChatClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _options = options ?? new();
        _generator = new(model, _options.Generation);
        _template = _options.FormatPrompt is null ? ChatConversation.TemplateOf(model.Tokenizer) : null;
        _metadata = new("MLNet.Gpt", providerUri: null, _options.ModelId);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The call requires something that the model cannot do; the message names it.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or the call requests another model.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in GetStreamingResponseAsync(messages, options, cancellationToken).ConfigureAwait(false))
        {
            updates.Add(update);
        }

        return updates.ToChatResponse();
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The call requires something that the model cannot do; the message names it.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or the call requests another model.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var generation = ChatRequest.ToGenerationOptions(options, _options, this);
        var conversation = ChatRequest.WithInstructions(messages, options);
        if (_template is not null)
        {
            generation = generation with { StopIds = _template.EndIds };
            return StreamAsync(_template.Encode(conversation, cancellationToken), generation, cancellationToken);
        }

        string prompt = (_options.FormatPrompt ?? GptChatClientOptions.JoinText)(conversation);
        int[] ids = PromptEncoding.Encode(_model.Tokenizer, prompt, generation.PromptSpecialTokens, cancellationToken);
        return StreamAsync(ids, generation, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return _metadata;
        if (serviceType == typeof(GptModel)) return _model;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: the model is the caller's.</summary>
    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        int[] ids, GenerationOptions generation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string response = Guid.NewGuid().ToString("N");
        ChatResponseUpdate Update(params IList<AIContent> contents) => new(ChatRole.Assistant, contents)
        {
            ResponseId = response, MessageId = response, ModelId = _options.ModelId, CreatedAt = DateTimeOffset.UtcNow,
        };

        long written = 0;
        FinishReason? reason = null;
        await foreach (var chunk in _generator.StreamAsync(ids, generation, cancellationToken).ConfigureAwait(false))
        {
            written += chunk.TokenIds.Count;
            reason ??= chunk.FinishReason;
            if (chunk.Text.Length > 0) yield return Update(new TextContent(chunk.Text));
        }

        var last = Update(new UsageContent(
            new() { InputTokenCount = ids.Length, OutputTokenCount = written, TotalTokenCount = ids.Length + written }));
        last.FinishReason = reason is FinishReason.Length or FinishReason.ContextFull ? ChatFinishReason.Length : ChatFinishReason.Stop;
        yield return last;
    }
}
