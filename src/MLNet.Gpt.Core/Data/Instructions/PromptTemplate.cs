using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// How an instruction and its response are written as text that a model reads and continues. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// A template is a text with the placeholders <c>{instruction}</c> (or <c>{prompt}</c>, which is the same), <c>{input}</c>,
/// which may be missing, and <c>{response}</c>. Without an input, the paragraph of <c>{input}</c> is left out; if it has
/// another placeholder, only <c>{input}</c> and the white space before it. In a template without <c>{input}</c>, the input
/// follows the instruction as a paragraph of its own. Spaces right before <c>{response}</c> belong to the response, because
/// tokens of most vocabularies begin with a space and none ends with one. What follows <c>{response}</c> ends the response; if
/// nothing does, the end-of-text token does. Special tokens that a template spells out, such as <c>&lt;|im_end|&gt;</c>, are
/// these tokens if the vocabulary has them; those in instructions, inputs and responses are ordinary text.
/// </remarks>
public sealed class PromptTemplate
{
    private const string Instruction = "{instruction}", Prompt = "{prompt}", Input = "{input}", Response = "{response}";

    private const string AlpacaText =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        + "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n{response}";

    private static readonly (string Name, PromptTemplate Template)[] Named =
    [
        (nameof(Alpaca), new(AlpacaText)),
        ("ChatML", OfFamily("<|im_start|><|im_end|>")),
        (nameof(Llama3), OfFamily("<|start_header_id|><|end_header_id|><|eot_id|>")),
        (nameof(Gemma), OfFamily("<start_of_turn><end_of_turn>")),
        (nameof(Mistral), OfFamily("[INST] [/INST]")),
    ];

    private readonly string _withInput, _withoutInput; // of the prompt
    private readonly string _beforeResponse; // spaces

    /// <summary>Creates a template.</summary>
    /// <param name="text">The text with its placeholders; line endings become those of Unix.</param>
    /// <exception cref="ArgumentException">
    /// <c>{response}</c> is missing or repeated, the instruction is missing, or a placeholder follows the response.
    /// </exception>
    public PromptTemplate(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Text = text.ReplaceLineEndings("\n");
        string[] parts = Text.Split(Response);
        if (parts.Length != 2)
        {
            throw new ArgumentException(
                $"The template '{Text}' has {Response} {Quantity.Of(parts.Length - 1, "time")}; it must have it once.",
                nameof(text));
        }

        if (!Has(parts[0], Instruction) && !Has(parts[0], Prompt))
        {
            throw new ArgumentException(
                $"The template '{Text}' has neither {Instruction} nor {Prompt} before {Response}.", nameof(text));
        }

        foreach (string placeholder in (string[])[Instruction, Prompt, Input])
        {
            if (Has(parts[1], placeholder))
            {
                throw new ArgumentException($"The template '{Text}' has {placeholder} after {Response}.", nameof(text));
            }
        }

        _withInput = parts[0].TrimEnd(' ');
        _beforeResponse = parts[0][_withInput.Length..];
        _withoutInput = WithoutInput(_withInput);
        ResponseEnd = parts[1];
    }

    /// <summary>
    /// The template of Stanford's Alpaca, as it is in Raschka, "Build a Large Language Model (From Scratch)", chapter 7.
    /// </summary>
    public static PromptTemplate Alpaca => Named[0].Template;

    /// <summary>The chat template of ChatML, which Qwen and many others use.</summary>
    public static PromptTemplate ChatMl => Named[1].Template;

    /// <summary>The chat template of Llama 3.</summary>
    public static PromptTemplate Llama3 => Named[2].Template;

    /// <summary>The chat template of Gemma.</summary>
    public static PromptTemplate Gemma => Named[3].Template;

    /// <summary>The chat template of Mistral, also of Llama 2 without system messages.</summary>
    public static PromptTemplate Mistral => Named[4].Template;

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Named.Select(each => each.Name)];

    /// <summary>The text with its placeholders.</summary>
    public string Text { get; }

    /// <summary>What follows the response; empty if only the end-of-text token does.</summary>
    public string ResponseEnd { get; }

    /// <summary>Returns the template of a model: that of its files, or <see cref="Alpaca"/> if they have none.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="NotSupportedException">The model's chat template is of no known family.</exception>
    public static PromptTemplate Of(ITextTokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _ = ChatFormat.Of(tokenizer, " Choose a template.");
        return tokenizer.ChatTemplate is { } template ? OfFamily(template) : Alpaca;
    }

    /// <summary>Returns the template with a name, or one that is given as text with placeholders.</summary>
    /// <param name="nameOrText">One of <see cref="Names"/>, in upper or lower case, or a text with <c>{response}</c>.</param>
    /// <exception cref="ArgumentException">It is neither.</exception>
    public static PromptTemplate Parse(string nameOrText)
    {
        ArgumentNullException.ThrowIfNull(nameOrText);
        if (Has(nameOrText, Response)) return new(nameOrText);
        foreach (var (name, template) in Named)
        {
            if (name.Equals(nameOrText, StringComparison.OrdinalIgnoreCase)) return template;
        }

        throw new ArgumentException(
            $"There is no template '{nameOrText}'. It must be one of {string.Join(", ", Names)}, or a text with {Instruction} and "
            + $"{Response}, and perhaps {Input}.",
            nameof(nameOrText));
    }

    /// <summary>Returns the text that the model continues with a response.</summary>
    /// <param name="prompt">The instruction.</param>
    /// <param name="input">What the instruction is about; empty or <see langword="null"/> for none.</param>
    public string Format(string prompt, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var text = new System.Text.StringBuilder();
        Write(prompt, input, literal => text.Append(literal), content => text.Append(content));
        return text.ToString();
    }

    /// <summary>The text.</summary>
    public override string ToString() => Text;

    /// <summary>
    /// Returns the ids of a prompt, and those of the response with what ends it. Both are encoded separately, so that no token
    /// spans their boundary.
    /// </summary>
    internal (int[] Prompt, int[] Response, int[] End) Encode(
        InstructionExample example, ITextTokenizer tokenizer, CancellationToken cancellationToken)
    {
        var special = SpecialTokensOf(tokenizer);
        var prompt = new StretchEncoder(tokenizer, TextStart.Beginning, cancellationToken);
        Write(example.Prompt, example.Input, literal => AddLiteral(prompt, literal, special), content => prompt.Text(content));
        var start = prompt.Next;
        int[] ids = prompt.ToIds();
        if (tokenizer.BeginningOfTextId is { } first && (ids.Length == 0 || (tokenizer.AddsBeginningOfText && ids[0] != first)))
        {
            ids = [first, .. ids];
        }

        var response = new StretchEncoder(tokenizer, start, cancellationToken);
        response.Text(_beforeResponse + example.Response);
        start = response.Next;
        int[] responseIds = response.ToIds();
        var end = new StretchEncoder(tokenizer, start, cancellationToken);
        AddLiteral(end, ResponseEnd, special);
        if (ResponseEnd.Length == 0 && tokenizer.EndOfTextId is { } endOfText) end.Id(endOfText);
        return (ids, responseIds, end.ToIds());
    }

    private static PromptTemplate OfFamily(string template) => new(ChatFormat.ExchangeOf(template, Instruction, Response)!);

    private static bool Has(string text, string placeholder) => text.Contains(placeholder, StringComparison.Ordinal);

    private static string WithoutInput(string text)
    {
        int at = text.IndexOf(Input, StringComparison.Ordinal);
        if (at < 0) return text;
        const string blank = "\n\n";
        int start = at == 0 ? -1 : text.LastIndexOf(blank, at - 1, StringComparison.Ordinal), first = start < 0 ? 0 : start + blank.Length;
        int end = text.IndexOf(blank, at, StringComparison.Ordinal);
        if (end < 0) end = text.Length;
        string paragraph = text[first..end];
        bool isShared = Has(paragraph, Instruction) || Has(paragraph, Prompt);
        string rest = isShared ? text[..at].TrimEnd() + text[(at + Input.Length)..]
            : start < 0 ? text[Math.Min(text.Length, end + blank.Length)..]
            : text[..start] + text[end..];
        return WithoutInput(rest);
    }

    // Calls back for the template's own text and for what its placeholders stand for, in order.
    private void Write(string prompt, string? input, Action<string> literal, Action<string> content)
    {
        bool hasInput = !string.IsNullOrEmpty(input);
        if (hasInput && !Has(_withInput, Input)) prompt = $"{prompt}\n\n{input}";
        string text = hasInput ? _withInput : _withoutInput;
        (string Placeholder, string Value)[] values = [(Instruction, prompt), (Prompt, prompt), (Input, input ?? "")];
        for (int start = 0; ;)
        {
            var (at, found) = values.Select(each => (At: text.IndexOf(each.Placeholder, start, StringComparison.Ordinal), each))
                .Where(each => each.At >= 0).OrderBy(each => each.At).FirstOrDefault((-1, default));
            if (at < 0)
            {
                literal(text[start..]);
                return;
            }

            literal(text[start..at]);
            content(found.Value);
            start = at + found.Placeholder.Length;
        }
    }

    /// <summary>Returns the tokens that stand for no text.</summary>
    internal static AddedTokens SpecialTokensOf(ITextTokenizer tokenizer)
    {
        var tokens = FittedTokenizer.Original(tokenizer) is BytePairTokenizer pairs
            ? pairs.Added.Where(token => token.IsSpecial && token.Id < tokenizer.VocabularySize)
            : ((int?[])[tokenizer.EndOfTextId, tokenizer.BeginningOfTextId]).OfType<int>().Distinct()
                .Select(id => new AddedToken(id, tokenizer.Decode([id])))
                .Where(token => token.Text.Length > 0);
        return new(tokens);
    }

    private static void AddLiteral(StretchEncoder encoder, string text, AddedTokens special)
    {
        for (int start = 0; ;)
        {
            int id = special.Find(text, start, SpecialTokens.Recognized, out int at, out int end);
            encoder.Text(text.AsSpan(start..at));
            if (id < 0) return;
            encoder.Id(id);
            start = end;
        }
    }
}
