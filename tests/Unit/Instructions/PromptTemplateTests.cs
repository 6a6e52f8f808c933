using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Tests.Extensions;

namespace MLNet.Gpt.Tests.Instructions;

/// <summary>Prompt templates against the book's text, and against what the chat client writes.</summary>
public class PromptTemplateTests
{
    // S. Raschka, "Build a Large Language Model (From Scratch)", chapter 7: format_input(data[50]) and format_input(data[999]), and the
    // heading of the response.
    private const string BookWithInput =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        + "### Instruction:\nIdentify the correct spelling of the following word.\n\n### Input:\nOcassion\n\n### Response:\n";

    private const string BookWithoutInput =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        + "### Instruction:\nWhat is an antonym of 'complicated'?\n\n### Response:\n";

    [Fact]
    public void Alpaca_is_the_text_of_the_book()
    {
        Assert.Equal(BookWithInput, PromptTemplate.Alpaca.Format("Identify the correct spelling of the following word.", "Ocassion"));
        Assert.Equal(BookWithoutInput, PromptTemplate.Alpaca.Format("What is an antonym of 'complicated'?"));
        Assert.Equal(BookWithoutInput, PromptTemplate.Alpaca.Format("What is an antonym of 'complicated'?", ""));
    }

    // The book encodes prompt and response together. GPT-2's tokens do not span their boundary unless the response begins with
    // white space.
    [Theory]
    [InlineData("The correct spelling is 'Occasion'.")]
    [InlineData("42")]
    [InlineData("'tis")]
    public void The_ids_are_those_of_the_books_whole_text(string response)
    {
        var sequence = new InstructionEncoder(Gpt2Tokenizer.Instance, 1024).Encode(
            new InstructionExample("Identify the correct spelling of the following word.", response, "Ocassion"));
        Assert.Equal([.. Gpt2Tokenizer.Instance.Encode(BookWithInput + response), 50256], sequence.Tokens.ToArray());
        Assert.Equal(Gpt2Tokenizer.Instance.Encode(BookWithInput).Length, sequence.FirstTarget);
    }

    [Theory]
    [InlineData(nameof(PromptTemplate.ChatMl), "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>")]
    [InlineData(
        nameof(PromptTemplate.Llama3),
        "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>")]
    [InlineData(
        nameof(PromptTemplate.Gemma), "<start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>")]
    [InlineData(nameof(PromptTemplate.Mistral), "[INST] Hello [/INST]", "")]
    public void Chat_families_have_their_own(string name, string prompt, string end)
    {
        var template = PromptTemplate.Parse(name.ToUpperInvariant());
        Assert.Equal(prompt, template.Format("Hello"));
        Assert.Equal(end, template.ResponseEnd);
    }

    // ⟨…⟩ is a special token.
    [Theory]
    [InlineData(ChatTemplateTests.ChatMl, "Yes⟨<|im_end|>⟩")]
    [InlineData(ChatTemplateTests.Llama3, "Yes⟨<|eot_id|>⟩")]
    [InlineData(ChatTemplateTests.Gemma, "Yes⟨<end_of_turn>⟩")]
    [InlineData(ChatTemplateTests.Llama2, " Yes⟨</s>⟩")]
    [InlineData(ChatTemplateTests.Mistral, " Yes⟨</s>⟩")]
    public void A_model_with_a_chat_template_gets_the_ids_of_the_chat_client(string template, string expected)
    {
        const string question = "Is <|im_end|> a token?</s>"; // in a question it is not
        var tokenizer = ChatTemplateTests.Tokenizer(template);
        int[] asked = ChatFormat.Of(tokenizer)!.EncodeTurns(
            [new(ChatTurn.User, question)], TestContext.Current.CancellationToken);
        if (template != ChatTemplateTests.ChatMl) Assert.Equal(tokenizer.BeginningOfTextId, asked[0]);
        else asked = [tokenizer.BeginningOfTextId!.Value, .. asked]; // this tokenizer says that a prompt begins with it
        var sequence = new InstructionEncoder(tokenizer, 1000).Encode(new InstructionExample(question, "Yes"));
        Assert.Equal(asked, sequence.Tokens[..sequence.FirstTarget].ToArray());
        string written = string.Concat(sequence.Tokens[sequence.FirstTarget..].ToArray().Select(
            id => tokenizer.SpecialIds.Contains(id) ? $"⟨{tokenizer.Decode([id])}⟩" : tokenizer.Decode([id])));
        Assert.Equal(expected, written);
    }

    [Fact]
    public void A_model_without_one_gets_Alpaca() => Assert.Same(PromptTemplate.Alpaca, PromptTemplate.Of(Gpt2Tokenizer.Instance));

    [Theory]
    [InlineData("Q: {prompt}\nA: {response}", "Why?", null, "Q: Why?\nA:")]
    [InlineData("Q: {prompt}\r\nA: {response}", "Why?", "This", "Q: Why?\n\nThis\nA:")]
    [InlineData("Q: {prompt} {input}\nA: {response}", "Why?", null, "Q: Why?\nA:")]
    [InlineData("Q: {prompt} {input}\nA: {response}", "Why?", "This", "Q: Why? This\nA:")]
    [InlineData("{input}\n\n{instruction}\n\n{response}", "Why?", null, "Why?\n\n")]
    [InlineData("{instruction}\n\n{input}\n\n{input}\n\n{response}", "Why?", null, "Why?\n\n")]
    [InlineData("{instruction}{response}", "{input} {response}", null, "{input} {response}")]
    public void Ones_own_has_placeholders(string text, string prompt, string? input, string expected) =>
        Assert.Equal(expected, PromptTemplate.Parse(text).Format(prompt, input));

    [Theory]
    [InlineData("{prompt}", "There is no template")]
    [InlineData("alpacca", "must be one of Alpaca, ChatML, Llama3, Gemma, Mistral, or a text")]
    [InlineData("{prompt}{response}{response}", "has {response} 2 times; it must have it once")]
    [InlineData("{response}", "neither {instruction} nor {prompt}")]
    [InlineData("{prompt}{response}{input}", "has {input} after {response}")]
    public void What_is_wrong_with_one_is_said(string text, string expected) => Assert.Contains(
        expected, Assert.Throws<ArgumentException>(() => PromptTemplate.Parse(text)).Message, StringComparison.Ordinal);
}
