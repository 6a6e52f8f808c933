using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Data.Instructions;

/// <summary>
/// How a conversation is written for a model: the family of templates to which the one in the model's files belongs,
/// recognized by its markers. The template itself, a program in Jinja, is never run.
/// </summary>
internal sealed class ChatFormat
{
    private const int LongestQuote = 120; // of an unknown template in a message

    // The markers by which a family's templates are recognized, the tokens that end a turn, and how messages are written.
    private static readonly KnownFamily[] Families =
    [
        new(["<|im_start|>", "<|im_end|>"], ["<|im_end|>"], WriteChatMl),
        new(["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], ["<|eot_id|>", "<|eom_id|>"], WriteLlama3),
        new(["<start_of_turn>", "<end_of_turn>"], ["<end_of_turn>"], WriteGemma),
        new(["[INST]", "[/INST]"], [], WriteInstructions),
    ];

    private readonly string _template;
    private readonly ITextTokenizer _tokenizer;
    private readonly Dictionary<string, int> _tokens;
    private readonly KnownFamily _family;

    private ChatFormat(string template, ITextTokenizer tokenizer, KnownFamily family)
    {
        (_template, _tokenizer, _family) = (template, tokenizer, family);
        _tokens = FittedTokenizer.Original(tokenizer) is BytePairTokenizer pairs
            ? pairs.Added.Where(token => token.Id < tokenizer.VocabularySize).ToDictionary(token => token.Text, token => token.Id)
            : [];
        EndIds = [.. family.Ends.Where(_tokens.ContainsKey).Select(end => _tokens[end])];
    }

    /// <summary>The ids of the tokens that end a turn, apart from those that end any text.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>Returns the template of a model; <see langword="null"/> if its files have none.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="advice">What to do about an unknown template, for the message.</param>
    /// <exception cref="NotSupportedException">The template is of no known family; the message names it.</exception>
    public static ChatFormat? Of(ITextTokenizer tokenizer, string advice = "")
    {
        if (tokenizer.ChatTemplate is not { } template) return null;
        if (FamilyOf(template) is not { } family)
        {
            string quote = template.ReplaceLineEndings(" ");
            if (quote.Length > LongestQuote) quote = quote[..LongestQuote] + "…";
            throw new NotSupportedException(
                $"The model's chat template is of no known family: '{quote}'. "
                + "Those of ChatML, Llama 3, Gemma, Llama 2 and Mistral are known." + advice);
        }

        var chat = new ChatFormat(template, tokenizer, family);
        if (family.Ends.Length > 0 && chat.EndIds.Count == 0)
        {
            throw new NotSupportedException(
                $"The model's chat template uses '{family.Ends[0]}', which is not a token of its vocabulary.");
        }

        return chat;
    }

    /// <summary>
    /// Returns how one question and its answer are written, with placeholders; <see langword="null"/> for an unknown family.
    /// </summary>
    /// <param name="template">A template, or enough of one to be recognized.</param>
    /// <param name="question">The placeholder of the question.</param>
    /// <param name="answer">The placeholder of the answer.</param>
    public static string? ExchangeOf(string template, string question, string answer)
    {
        if (FamilyOf(template) is not { } family) return null;
        var writer = new Writer(template);
        family.Write(writer, [new(ChatTurn.User, question)]);
        return writer + (family.Ends.Length > 0 ? answer + family.Ends[0] : (writer.IsLlama2 ? " " : writer.Space) + answer);
    }

    /// <summary>Returns the ids of a conversation up to where the assistant answers.</summary>
    /// <remarks>Special tokens that are spelled out in a message are ordinary text.</remarks>
    /// <exception cref="NotSupportedException">A message has another role, or the vocabulary lacks a token.</exception>
    public int[] EncodeTurns(IEnumerable<ChatTurn> turns, CancellationToken cancellationToken)
    {
        var writer = new Writer(_template);
        _family.Write(writer, [.. turns.Select(Checked)]);
        var encoder = new StretchEncoder(_tokenizer, TextStart.Beginning, cancellationToken);
        foreach (var (text, kind) in writer.Pieces)
        {
            int? id = kind switch
            {
                Kind.Beginning => _tokenizer.BeginningOfTextId,
                Kind.End => _tokenizer.EndOfTextId,
                Kind.Text => null,
                _ => _tokens.TryGetValue(text, out int found) ? found : null,
            };
            if (id is { } token) encoder.Id(token);
            else if (kind is Kind.Text or Kind.TokenOrText) encoder.Text(text);
            else if (kind == Kind.Token)
            {
                throw new NotSupportedException($"The model's chat template uses '{text}', which is not a token of its vocabulary.");
            }
        }

        return encoder.ToIds();
    }

    private static KnownFamily? FamilyOf(string template)
    {
        var matches = Families.Where(family => family.Markers.All(marker => template.Contains(marker, StringComparison.Ordinal))).ToArray();
        return matches.Length == 1 && !template.Contains("[SYSTEM_PROMPT]", StringComparison.Ordinal) ? matches[0] : null;
    }

    private ChatTurn Checked(ChatTurn turn)
    {
        if (turn.Role != ChatTurn.Assistant)
        {
            return turn.Role is ChatTurn.System or ChatTurn.User
                ? turn
                : throw new NotSupportedException(
                    $"A message has the role '{turn.Role}'; the model's chat template has system, user and assistant.");
        }

        // What a model thought before it answered is not part of the conversation.
        const string end = "</think>";
        int thought = _template.Contains(end, StringComparison.Ordinal) ? turn.Text.LastIndexOf(end, StringComparison.Ordinal) : -1;
        return thought < 0 ? turn : turn with { Text = turn.Text[(thought + end.Length)..].TrimStart('\n') };
    }

    private static void WriteChatMl(Writer writer, ChatTurn[] turns)
    {
        foreach (var turn in turns) writer.Token("<|im_start|>").Text($"{turn.Role}\n{turn.Text}").Token("<|im_end|>").Text("\n");
        writer.Token("<|im_start|>").Text("assistant\n");
    }

    private static void WriteLlama3(Writer writer, ChatTurn[] turns)
    {
        writer.Beginning();
        foreach (var turn in turns) WriteHead(turn.Role).Text($"\n\n{turn.Text.Trim()}").Token("<|eot_id|>");
        WriteHead("assistant").Text("\n\n");

        Writer WriteHead(string role) => writer.Token("<|start_header_id|>").Text(role).Token("<|end_header_id|>");
    }

    // There is no role for instructions, which are part of what the user says first.
    private static void WriteGemma(Writer writer, ChatTurn[] turns)
    {
        writer.Beginning();
        foreach (var turn in WithInstructions(turns, instructions => $"{instructions}\n\n"))
        {
            string role = turn.Role == ChatTurn.Assistant ? "model" : "user";
            writer.Token("<start_of_turn>").Text($"{role}\n{turn.Text}").Token("<end_of_turn>").Text("\n");
        }

        writer.Token("<start_of_turn>").Text("model\n");
    }

    // Llama 2's and Mistral's, which differ in the spaces and in how instructions are marked.
    private static void WriteInstructions(Writer writer, ChatTurn[] turns)
    {
        string close = writer.Has(" [/INST]") ? " " : "";
        bool isFirst = true;
        foreach (var turn in WithInstructions(turns, Mark))
        {
            if (turn.Role == ChatTurn.Assistant)
            {
                writer.Text(writer.IsLlama2 ? $" {turn.Text} " : writer.Space + turn.Text).End();
                continue;
            }

            if (isFirst || writer.IsLlama2) writer.Beginning();
            isFirst = false;
            writer.TokenOrText("[INST]").Text(writer.Space + turn.Text + close).TokenOrText("[/INST]");
        }

        string Mark(string instructions) => writer.IsLlama2 ? $"<<SYS>>\n{instructions}\n<</SYS>>\n\n" : $"{instructions}\n\n";
    }

    private static IEnumerable<ChatTurn> WithInstructions(ChatTurn[] turns, Func<string, string> write)
    {
        string instructions = string.Join("\n\n", turns.Where(turn => turn.Role == ChatTurn.System).Select(turn => turn.Text.Trim()));
        string prefix = instructions.Length == 0 ? "" : write(instructions);
        foreach (var turn in turns.Where(turn => turn.Role != ChatTurn.System))
        {
            yield return turn.Role == ChatTurn.User ? new(turn.Role, prefix + turn.Text.Trim()) : new(turn.Role, turn.Text.Trim());
            if (turn.Role == ChatTurn.User) prefix = "";
        }

        if (prefix.Length > 0) yield return new(ChatTurn.User, prefix.Trim()); // instructions alone
    }

    private sealed record KnownFamily(string[] Markers, string[] Ends, Action<Writer, ChatTurn[]> Write);

    private enum Kind
    {
        Text,
        Token,
        TokenOrText,
        Beginning,
        End,
    }

    /// <summary>Collects the text and the tokens of a conversation.</summary>
    private sealed class Writer(string template)
    {
        public List<(string Text, Kind Kind)> Pieces { get; } = [];

        public bool IsLlama2 => Has("<<SYS>>");

        /// <summary>What is between [INST] and a message.</summary>
        public string Space => Has("\"[INST]\"") || Has("'[INST]'") ? "" : " ";

        public bool Has(string marker) => template.Contains(marker, StringComparison.Ordinal);

        public Writer Text(string text) => Add(text, Kind.Text);

        public Writer Token(string text) => Add(text, Kind.Token);

        public Writer TokenOrText(string text) => Add(text, Kind.TokenOrText);

        /// <summary>Adds the token that begins a text, if the vocabulary has one.</summary>
        public void Beginning() => Add("", Kind.Beginning);

        /// <summary>Adds the token that ends a text, if the vocabulary has one.</summary>
        public void End() => Add("", Kind.End);

        public override string ToString() => string.Concat(Pieces.Select(piece => piece.Text));

        private Writer Add(string text, Kind kind)
        {
            Pieces.Add((text, kind));
            return this;
        }
    }
}
