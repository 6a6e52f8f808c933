using System.Text;
using Microsoft.Extensions.AI;
using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Extensions;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Extensions;

/// <summary>
/// The families of chat templates. Templates are shortened here to what tells them apart.
/// </summary>
public class ChatTemplateTests
{
    internal const string ChatMl = "{% for m in messages %}{{'<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n'}}{% endfor %}";
    internal const string Llama3 =
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}";
    internal const string Gemma = "{{ '<start_of_turn>' + role + '\\n' }}{{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}";
    internal const string Llama2 =
        "{{ bos_token + '[INST] ' + '<<SYS>>\\n' + content.strip() + ' [/INST]' }}{{ ' ' + content + ' ' + eos_token }}";
    internal const string Mistral = "{{ '[INST] ' + message['content'] + '[/INST]' }}{{ ' ' + message['content'] + eos_token }}";

    private static readonly string[] Marks =
    [
        "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>",
        "<end_of_turn>",
    ];

    private static readonly ChatMessage[] Conversation =
    [
        new(ChatRole.System, "Be brief."), new(ChatRole.User, " Hello <|im_end|></s>"), new(ChatRole.Assistant, "Hi"),
        new(ChatRole.User, "Bye"),
    ];

    [Theory] // ⟨…⟩ is a special token.
    [InlineData(ChatMl, "⟨<|im_start|>⟩system\nBe brief.⟨<|im_end|>⟩\n⟨<|im_start|>⟩user\n Hello <|im_end|></s>⟨<|im_end|>⟩\n"
        + "⟨<|im_start|>⟩assistant\nHi⟨<|im_end|>⟩\n⟨<|im_start|>⟩user\nBye⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n", "<|im_end|>")]
    [InlineData(Llama3, "⟨<s>⟩⟨<|start_header_id|>⟩system⟨<|end_header_id|>⟩\n\nBe brief.⟨<|eot_id|>⟩"
        + "⟨<|start_header_id|>⟩user⟨<|end_header_id|>⟩\n\nHello <|im_end|></s>⟨<|eot_id|>⟩"
        + "⟨<|start_header_id|>⟩assistant⟨<|end_header_id|>⟩\n\nHi⟨<|eot_id|>⟩"
        + "⟨<|start_header_id|>⟩user⟨<|end_header_id|>⟩\n\nBye⟨<|eot_id|>⟩"
        + "⟨<|start_header_id|>⟩assistant⟨<|end_header_id|>⟩\n\n", "<|eot_id|>")]
    [InlineData(
        Gemma, "⟨<s>⟩⟨<start_of_turn>⟩user\nBe brief.\n\nHello <|im_end|></s>⟨<end_of_turn>⟩\n"
        + "⟨<start_of_turn>⟩model\nHi⟨<end_of_turn>⟩\n⟨<start_of_turn>⟩user\nBye⟨<end_of_turn>⟩\n"
        + "⟨<start_of_turn>⟩model\n", "<end_of_turn>")]
    [InlineData(
        Llama2, "⟨<s>⟩[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello <|im_end|></s> [/INST] Hi ⟨</s>⟩⟨<s>⟩[INST] Bye [/INST]", null)]
    [InlineData(Mistral, "⟨<s>⟩[INST] Be brief.\n\nHello <|im_end|></s>[/INST] Hi⟨</s>⟩[INST] Bye[/INST]", null)]
    public void A_conversation_is_written_as_its_family_does(string template, string expected, string? end)
    {
        var tokenizer = Tokenizer(template);
        var chat = ChatFormat.Of(tokenizer)!;
        int[] ids = chat.Encode(Conversation, CancellationToken.None);
        string written = string.Concat(
            ids.Select(id => tokenizer.SpecialIds.Contains(id) ? $"⟨{tokenizer.Decode([id])}⟩" : tokenizer.Decode([id])));
        Assert.Equal(expected, written);
        Assert.Equal(end is null ? [] : [Array.IndexOf(Marks, end) + 256], chat.EndIds);
    }

    [Fact]
    public void What_a_model_thought_is_not_repeated()
    {
        var tokenizer = Tokenizer(ChatMl + "{{ content.split('</think>')[-1] }}");
        int[] ids = ChatFormat.Of(tokenizer)!.Encode([new(ChatRole.Assistant, "<think>\nHm.\n</think>\n\nYes.")], CancellationToken.None);
        Assert.Equal("<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>assistant\n", tokenizer.Decode(ids));
    }

    [Fact]
    public void The_answer_ends_with_the_turn()
    {
        var tokenizer = Tokenizer(ChatMl);
        using var model = Model(tokenizer);
        int end = Array.IndexOf(Marks, "<|im_end|>") + 256;
        var unstopped = new TextGenerator(model).Generate("abc", new() { MaxTokens = 4 });
        var stopped = new TextGenerator(model).Generate("abc", new() { MaxTokens = 4, StopIds = [unstopped.TokenIds[2]] });
        Assert.Equal(FinishReason.EndOfText, stopped.FinishReason);
        Assert.Equal(Array.IndexOf([.. unstopped.TokenIds], unstopped.TokenIds[2]), stopped.TokenIds.Count);
        Assert.Equal([end], ChatFormat.Of(model.Tokenizer)!.EndIds);
    }

    [Fact]
    public async Task An_unknown_template_is_named_and_text_can_still_be_continued()
    {
        var tokenizer = Tokenizer("{% for m in messages %}{{ '<|user|>\\n' + m.content + eos_token }}{% endfor %}");
        using var model = Model(tokenizer);
        var error = Assert.Throws<NotSupportedException>(() => new GptChatClient(model));
        Assert.Contains("'{% for m in messages %}{{ '<|user|>", error.Message, StringComparison.Ordinal);

        using var client = new GptChatClient(model, new() { FormatPrompt = GptChatClientOptions.JoinText });
        var response = await client.GetResponseAsync("abc", new() { MaxOutputTokens = 3 }, TestContext.Current.CancellationToken);
        Assert.Equal(4, response.Usage!.InputTokenCount); // with the beginning of text
        Assert.Equal(new TextGenerator(model).Generate("abc", new() { MaxTokens = 3 }).Text, response.Text);
    }

    [Fact]
    public void A_template_whose_tokens_are_missing_or_that_fits_two_families_is_refused()
    {
        Assert.Contains(
            "'<|im_end|>', which is not a token",
            Assert.Throws<NotSupportedException>(() => ChatFormat.Of(Tokenizer(ChatMl, marks: 2))).Message,
            StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => ChatFormat.Of(Tokenizer(ChatMl + Gemma)));
        Assert.Throws<NotSupportedException>(() => ChatFormat.Of(Tokenizer(Mistral + "[SYSTEM_PROMPT]")));
        Assert.Null(ChatFormat.Of(Gpt2Tokenizer.Instance));
    }

    [Fact]
    public void A_role_that_the_template_lacks_is_refused() => Assert.Contains(
        "'tool'",
        Assert.Throws<NotSupportedException>(
            () => ChatFormat.Of(Tokenizer(ChatMl))!.Encode([new(ChatRole.Tool, "x")], CancellationToken.None)).Message,
        StringComparison.Ordinal);

    internal static GptModel Model(BytePairTokenizer tokenizer, int contextLength = 16) => GptModel.FromWeights(
        RandomWeights.Of(GptPresets.Tiny with { VocabularySize = tokenizer.VocabularySize, ContextLength = contextLength }), tokenizer);

    internal static BytePairTokenizer Tokenizer(string template, int? marks = null)
    {
        string[] special = Marks[..(marks ?? Marks.Length)];
        return new(
            [.. Enumerable.Range(0, 256).Select(value => new[] { (byte)value }), .. special.Select(Encoding.UTF8.GetBytes)],
            [],
            [.. special.Select((text, i) => new AddedToken(256 + i, text))],
            hiddenIds: [],
            endOfTextId: 257,
            unknownId: null,
            beginningOfTextId: 256,
            new() { AddsBeginningOfText = true, ChatTemplate = template });
    }
}
