using Microsoft.Extensions.AI;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// How a conversation is written for a model: the family of templates to which the one in the model's files belongs,
/// recognized by its markers. The template itself, a program in Jinja, is never run.
/// </summary>
internal sealed class ChatTemplate
{
    private const int LongestQuote = 120; // of an unknown template in a message

    // The markers by which a family's templates are recognized, the tokens that end a turn, and how messages are written.
    private static readonly (string[] Markers, string[] Ends, Action<Writer, Turn[]> Write)[] Families =
    [
        (["<|im_start|>", "<|im_end|>"], ["<|im_end|>"], WriteChatMl),
        (["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], ["<|eot_id|>", "<|eom_id|>"], WriteLlama3),
        (["<start_of_turn>", "<end_of_turn>"], ["<end_of_turn>"], WriteGemma),
        (["[INST]", "[/INST]"], [], WriteInstructions),
    ];

    private readonly string _template;
    private readonly ITextTokenizer _tokenizer;
    private readonly Dictionary<string, int> _tokens;
    private readonly Action<Writer, Turn[]> _write;

    private ChatTemplate(string template, ITextTokenizer tokenizer, string[] ends, Action<Writer, Turn[]> write)
    {
        _template = template;
        _tokenizer = tokenizer;
        _write = write;
        _tokens = FittedTokenizer.Original(tokenizer) is BytePairTokenizer pairs
            ? pairs.Added.Where(token => token.Id < tokenizer.VocabularySize).ToDictionary(token => token.Text, token => token.Id)
            : [];
        EndIds = [.. ends.Where(_tokens.ContainsKey).Select(end => _tokens[end])];
    }

    /// <summary>The ids of the tokens that end a turn, apart from those that end any text.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>Returns the template of a model; <see langword="null"/> if its files have none.</summary>
    /// <exception cref="NotSupportedException">The template is of no known family; the message names it.</exception>
    public static ChatTemplate? Of(ITextTokenizer tokenizer)
    {
        if (tokenizer.ChatTemplate is not { } template) return null;
        var matches = Families
            .Where(family => family.Markers.All(marker => template.Contains(marker, StringComparison.Ordinal)))
            .ToArray();
        if (matches.Length != 1 || template.Contains("[SYSTEM_PROMPT]", StringComparison.Ordinal))
        {
            string quote = template.ReplaceLineEndings(" ");
            if (quote.Length > LongestQuote) quote = quote[..LongestQuote] + "…";
            throw new NotSupportedException(
                $"The model's chat template is of no known family: '{quote}'. "
                + "Those of ChatML, Llama 3, Gemma, Llama 2 and Mistral are known. Set "
                + $"{nameof(GptChatClientOptions)}.{nameof(GptChatClientOptions.FormatPrompt)} to format conversations yourself, "
                + $"for example to {nameof(GptChatClientOptions)}.{nameof(GptChatClientOptions.JoinText)} to continue their text.");
        }

        var chat = new ChatTemplate(template, tokenizer, matches[0].Ends, matches[0].Write);
        if (matches[0].Ends.Length > 0 && chat.EndIds.Count == 0)
        {
            throw new NotSupportedException(
                $"The model's chat template uses '{matches[0].Ends[0]}', which is not a token of its vocabulary.");
        }

        return chat;
    }

    /// <summary>Returns the ids of a conversation up to where the assistant answers.</summary>
    /// <remarks>Special tokens that are spelled out in a message are ordinary text.</remarks>
    /// <exception cref="NotSupportedException">A message contains something other than text, or has another role.</exception>
    public int[] Encode(IEnumerable<ChatMessage> messages, CancellationToken cancellationToken)
    {
        var writer = new Writer(this, cancellationToken);
        _write(writer, [.. messages.Select(TurnOf)]);
        return writer.ToIds();
    }

    private Turn TurnOf(ChatMessage message)
    {
        string text = GptChatClientOptions.TextOf(message);
        if (message.Role != ChatRole.Assistant)
        {
            return message.Role == ChatRole.System || message.Role == ChatRole.User
                ? new(message.Role, text)
                : throw new NotSupportedException(
                    $"A message has the role '{message.Role}'; the model's chat template has system, user and assistant.");
        }

        // What a model thought before it answered is not part of the conversation.
        const string end = "</think>";
        int thought = _template.Contains(end, StringComparison.Ordinal) ? text.LastIndexOf(end, StringComparison.Ordinal) : -1;
        return new(message.Role, thought < 0 ? text : text[(thought + end.Length)..].TrimStart('\n'));
    }

    private static void WriteChatMl(Writer writer, Turn[] turns)
    {
        foreach (var turn in turns) writer.Token("<|im_start|>").Text($"{turn.Role}\n{turn.Text}").Token("<|im_end|>").Text("\n");
        writer.Token("<|im_start|>").Text("assistant\n");
    }

    private static void WriteLlama3(Writer writer, Turn[] turns)
    {
        writer.Beginning();
        foreach (var turn in turns) WriteHead(turn.Role.Value).Text($"\n\n{turn.Text.Trim()}").Token("<|eot_id|>");
        WriteHead("assistant").Text("\n\n");

        Writer WriteHead(string role) => writer.Token("<|start_header_id|>").Text(role).Token("<|end_header_id|>");
    }

    // There is no role for instructions, which are part of what the user says first.
    private static void WriteGemma(Writer writer, Turn[] turns)
    {
        writer.Beginning();
        foreach (var turn in WithInstructions(turns, instructions => $"{instructions}\n\n"))
        {
            string role = turn.Role == ChatRole.Assistant ? "model" : "user";
            writer.Token("<start_of_turn>").Text($"{role}\n{turn.Text}").Token("<end_of_turn>").Text("\n");
        }

        writer.Token("<start_of_turn>").Text("model\n");
    }

    // Llama 2's and Mistral's, which differ in the spaces and in how instructions are marked.
    private static void WriteInstructions(Writer writer, Turn[] turns)
    {
        bool isLlama2 = writer.Has("<<SYS>>");
        string open = writer.Has("\"[INST]\"") || writer.Has("'[INST]'") ? "" : " ", close = writer.Has(" [/INST]") ? " " : "";
        bool isFirst = true;
        foreach (var turn in WithInstructions(turns, Mark))
        {
            if (turn.Role == ChatRole.Assistant)
            {
                writer.Text(isLlama2 ? $" {turn.Text} " : open + turn.Text).End();
                continue;
            }

            if (isFirst || isLlama2) writer.Beginning();
            isFirst = false;
            writer.TokenOrText("[INST]").Text(open + turn.Text + close).TokenOrText("[/INST]");
        }

        string Mark(string instructions) => isLlama2 ? $"<<SYS>>\n{instructions}\n<</SYS>>\n\n" : $"{instructions}\n\n";
    }

    private static IEnumerable<Turn> WithInstructions(Turn[] turns, Func<string, string> write)
    {
        string instructions = string.Join("\n\n", turns.Where(turn => turn.Role == ChatRole.System).Select(turn => turn.Text.Trim()));
        string prefix = instructions.Length == 0 ? "" : write(instructions);
        foreach (var turn in turns.Where(turn => turn.Role != ChatRole.System))
        {
            yield return turn.Role == ChatRole.User ? new(turn.Role, prefix + turn.Text.Trim()) : new(turn.Role, turn.Text.Trim());
            if (turn.Role == ChatRole.User) prefix = "";
        }

        if (prefix.Length > 0) yield return new(ChatRole.User, prefix.Trim()); // instructions alone
    }

    private sealed record Turn(ChatRole Role, string Text);

    /// <summary>Collects the ids of tokens and of the text between them, each stretch of which is encoded as a whole.</summary>
    private sealed class Writer(ChatTemplate template, CancellationToken cancellationToken)
    {
        private readonly List<int> _ids = [];
        private readonly System.Text.StringBuilder _text = new();

        public bool Has(string marker) => template._template.Contains(marker, StringComparison.Ordinal);

        public Writer Text(string text)
        {
            _text.Append(text);
            return this;
        }

        public Writer Token(string text) => Id(template._tokens.TryGetValue(text, out int id)
            ? id
            : throw new NotSupportedException($"The model's chat template uses '{text}', which is not a token of its vocabulary."));

        public Writer TokenOrText(string text) => template._tokens.TryGetValue(text, out int id) ? Id(id) : Text(text);

        /// <summary>Adds the token that begins a text, if the vocabulary has one.</summary>
        public void Beginning()
        {
            if (template._tokenizer.BeginningOfTextId is { } id) Id(id);
        }

        /// <summary>Adds the token that ends a text, if the vocabulary has one.</summary>
        public void End()
        {
            if (template._tokenizer.EndOfTextId is { } id) Id(id);
        }

        public int[] ToIds()
        {
            Flush();
            return [.. _ids];
        }

        private Writer Id(int id)
        {
            Flush();
            _ids.Add(id);
            return this;
        }

        private void Flush()
        {
            if (_text.Length == 0) return;
            var start = _ids.Count == 0 ? TextStart.Beginning : TextStart.AfterToken;
            _ids.AddRange(template._tokenizer.Encode(_text.ToString(), SpecialTokens.Literal, start, cancellationToken));
            _text.Clear();
        }
    }
}
