using Microsoft.Extensions.AI;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Tests.Extensions;

public sealed class GptChatClientTests : IDisposable
{
    private const string Prompt = "w1 w2 w3";

    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task A_user_message_is_continued_as_the_generator_continues_it()
    {
        using var client = new GptChatClient(_model);

        var response = await client.GetResponseAsync(Prompt, new() { MaxOutputTokens = 7 });

        var expected = new TextGenerator(_model).Generate(Prompt, new() { MaxTokens = 7 });
        Assert.Equal(expected.Text, response.Text);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal((3, 7, 10), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal("gpt2", response.ModelId);
    }

    [Fact]
    public async Task Every_option_of_a_call_reaches_the_generator()
    {
        using var client = new GptChatClient(_model);
        var call = new ChatOptions
        {
            MaxOutputTokens = 12, Temperature = 0.9f, TopK = 20, TopP = 0.8f, FrequencyPenalty = 0.5f,
            PresencePenalty = 0.25f, Seed = 42, StopSequences = ["w59"],
            RawRepresentationFactory = _ => new GenerationOptions { MinP = 0.01, RepetitionPenalty = 1.1 },
        };

        string text = (await client.GetResponseAsync(Prompt, call)).Text;

        var same = new GenerationOptions
        {
            MaxTokens = 12, Temperature = 0.9f, TopK = 20, TopP = 0.8f, FrequencyPenalty = 0.5f,
            PresencePenalty = 0.25f, Seed = 42, StopSequences = ["w59"],
            MinP = 0.01, RepetitionPenalty = 1.1,
        };
        Assert.Equal(new TextGenerator(_model).Generate(Prompt, same).Text, text);
        Assert.NotEqual(new TextGenerator(_model).Generate(Prompt, same with { Seed = 43 }).Text, text);
    }

    [Fact]
    public async Task A_stop_sequence_ends_the_text_with_a_different_reason_than_the_length()
    {
        using var client = new GptChatClient(_model);
        string word = new TextGenerator(_model).Generate(Prompt, new() { MaxTokens = 3 }).Text.Split(
            ' ', StringSplitOptions.RemoveEmptyEntries)[^1];

        var response = await client.GetResponseAsync(Prompt, new() { MaxOutputTokens = 20, StopSequences = [word] });

        Assert.DoesNotContain(word, response.Text, StringComparison.Ordinal);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task Streamed_updates_form_the_whole_and_arrive_before_it_is_finished()
    {
        using var client = new GptChatClient(_model);
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync(Prompt, new() { MaxOutputTokens = 10 })) updates.Add(update);

        Assert.True(updates.Count >= 8, $"{updates.Count} updates");
        Assert.Equal(new TextGenerator(_model).Generate(Prompt, new() { MaxTokens = 10 }).Text, string.Concat(
            updates.Select(update => update.Text)));
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
    }

    [Fact]
    public async Task Canceling_ends_the_stream()
    {
        using var client = new GptChatClient(_model);
        using var source = new CancellationTokenSource();
        int seen = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in client.GetStreamingResponseAsync(Prompt, new() { MaxOutputTokens = 1_000_000 }, source.Token))
            {
                if (++seen == 3) await source.CancelAsync();
            }
        });
        Assert.InRange(seen, 3, 5);
    }

    [Fact]
    public async Task A_conversation_is_one_text_in_which_answers_follow_what_they_continue()
    {
        ChatMessage[] conversation =
        [
            new(ChatRole.User, "w1 w2"), new(ChatRole.Assistant, [new TextContent(" w3"), new UsageContent(new())]),
            new(ChatRole.User, "w4"),
        ];
        Assert.Equal("w1 w2 w3\nw4", GptChatClientOptions.JoinText(conversation));

        using var client = new GptChatClient(
            _model, new() { FormatPrompt = messages => GptChatClientOptions.JoinText(messages).ReplaceLineEndings(" ") });
        var response = await client.GetResponseAsync(conversation, new() { MaxOutputTokens = 5, Instructions = "w9" });
        Assert.Equal(new TextGenerator(_model).Generate("w9 w1 w2 w3 w4", new() { MaxTokens = 5 }).Text, response.Text);
    }

    [Fact]
    public async Task What_GPT2_cannot_do_is_refused_by_name()
    {
        using var client = new GptChatClient(_model);
        async Task<string> Refused<T>(ChatOptions options)
            where T : Exception => (await Assert.ThrowsAsync<T>(() => client.GetResponseAsync(Prompt, options))).Message;

        Assert.Contains(
            "Tools",
            await Refused<NotSupportedException>(new() { Tools = [AIFunctionFactory.Create(() => 1)] }),
            StringComparison.Ordinal);
        Assert.Contains(
            "ResponseFormat",
            await Refused<NotSupportedException>(new() { ResponseFormat = ChatResponseFormat.Json }),
            StringComparison.Ordinal);
        Assert.Contains("ConversationId", await Refused<NotSupportedException>(new() { ConversationId = "1" }), StringComparison.Ordinal);
        Assert.Contains("'gpt-4'", await Refused<ArgumentException>(new() { ModelId = "gpt-4" }), StringComparison.Ordinal);
        Assert.Contains(
            "Temperature is -1",
            await Refused<ArgumentOutOfRangeException>(new() { Temperature = -1 }),
            StringComparison.Ordinal);
        var picture = new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);
        Assert.Contains(
            "DataContent",
            (await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(picture))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ordinary_options_and_a_text_format_are_accepted()
    {
        using var client = new GptChatClient(_model, new() { ModelId = "whale" });

        var response = await client.GetResponseAsync(
            Prompt, new() { ModelId = "whale", ResponseFormat = ChatResponseFormat.Text, Tools = [], MaxOutputTokens = 1 });

        Assert.Equal("whale", response.ModelId);
    }

    [Fact]
    public void It_describes_itself_and_does_not_dispose_the_model()
    {
        IChatClient client = new GptChatClient(_model);
        Assert.Equal("MLNet.Gpt", client.GetService<ChatClientMetadata>()!.ProviderName);
        Assert.Same(_model, client.GetService<GptModel>());
        Assert.Null(client.GetService(typeof(GptModel), "other"));

        client.Dispose();

        Assert.NotEmpty(new TextGenerator(_model).Generate(Prompt).Text);
    }

    [Fact]
    public async Task Concurrent_conversations_give_the_same_results_as_separate_ones()
    {
        using var client = new GptChatClient(_model);
        string[] prompts = [.. Enumerable.Range(0, 24).Select(i => TinyModels.Text(5, i))];

        var answers = await Task.WhenAll(prompts.Select(
            prompt => Task.Run(() => client.GetResponseAsync(prompt, new() { MaxOutputTokens = 6, Temperature = 1, Seed = 5 }))));

        var generator = new TextGenerator(_model, new() { MaxTokens = 6, Temperature = 1, Seed = 5 });
        Assert.Equal(prompts.Select(prompt => generator.Generate(prompt).Text), answers.Select(answer => answer.Text));
    }
}
