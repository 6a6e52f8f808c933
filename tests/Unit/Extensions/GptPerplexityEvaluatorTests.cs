using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Tests.Extensions;

public sealed class GptPerplexityEvaluatorTests : IDisposable
{
    private static readonly ChatMessage[] Conversation =
        [new(ChatRole.User, "Hello"), new(ChatRole.Assistant, "Hi"), new(ChatRole.User, "Bye")];

    private readonly GptModel _model = TinyModels.Create(seed: 5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task A_response_is_scored_as_the_continuation_of_the_text_of_the_conversation()
    {
        var evaluator = new GptPerplexityEvaluator(_model);
        ChatMessage[] conversation = [new(ChatRole.User, "w1 w2 w3")];
        var result = await evaluator.EvaluateAsync(conversation, Response(" w4 w5"), cancellationToken: Cancellation);
        var expected = new ContinuationScorer(_model).Score("w1 w2 w3", " w4 w5", Cancellation);
        Assert.Equal(expected.Loss.Perplexity, Value(result, GptPerplexityEvaluator.PerplexityMetricName));
        Assert.Equal(expected.LogLikelihood, Value(result, GptPerplexityEvaluator.LogLikelihoodMetricName));
        Assert.Equal(evaluator.EvaluationMetricNames.Order(), result.Metrics.Keys.Order());
        Assert.All(result.Metrics.Values, metric =>
        {
            Assert.Null(metric.Interpretation);
            Assert.Null(metric.Diagnostics);
            Assert.Equal(expected.TokenCount.ToString(CultureInfo.InvariantCulture), metric.Metadata!["tokens"]);
        });
        Assert.Equal("nats", result.Get<NumericMetric>(GptPerplexityEvaluator.LogLikelihoodMetricName).Metadata!["unit"]);
    }

    [Fact]
    public async Task It_works_with_other_evaluators_and_gives_the_same_again()
    {
        IEvaluator evaluator = new CompositeEvaluator(new LengthEvaluator(), new GptPerplexityEvaluator(_model));
        var first = await evaluator.EvaluateAsync("w1 w2", " w3 w4", cancellationToken: Cancellation);
        var second = await evaluator.EvaluateAsync("w1 w2", " w3 w4", cancellationToken: Cancellation);
        Assert.Equal(4, first.Metrics.Count);
        Assert.Equal(6, Value(first, "Length"));
        Assert.All(first.Metrics.Keys, name => Assert.Equal(Value(first, name), Value(second, name)));
    }

    [Fact]
    public async Task A_response_with_too_high_a_perplexity_fails()
    {
        var metrics = new List<EvaluationMetric>();
        foreach (double maximum in (double[])[1.5, 1e6])
        {
            var result = await new GptPerplexityEvaluator(_model, maximum).EvaluateAsync("w1", " w2 w3", cancellationToken: Cancellation);
            metrics.Add(result.Metrics[GptPerplexityEvaluator.PerplexityMetricName]);
        }

        Assert.Equal([true, false], metrics.Select(metric => metric.Interpretation!.Failed));
        Assert.Equal([EvaluationRating.Unacceptable, EvaluationRating.Good], metrics.Select(metric => metric.Interpretation!.Rating));
        Assert.EndsWith("at most 1.5 is accepted.", metrics[0].Interpretation!.Reason, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("maximumPerplexity", () => new GptPerplexityEvaluator(_model, 0));
    }

    [Fact]
    public async Task What_cannot_be_scored_has_no_value_and_an_error()
    {
        var evaluator = new GptPerplexityEvaluator(_model);
        string endless = TinyModels.Text(_model.Config.ContextLength + 2, 1);
        ChatResponse call = new(new ChatMessage(ChatRole.Assistant, [new FunctionCallContent("1", "f")]));
        await AssertRefused(evaluator, Response(""), "no text");
        await AssertRefused(evaluator, new(), "no text");
        await AssertRefused(evaluator, call, "FunctionCallContent");
        await AssertRefused(evaluator, Response($" {endless}"), "tokens; at most");

        var result = await evaluator.EvaluateAsync(endless, " w1 w2", cancellationToken: Cancellation);
        Assert.All(result.Metrics.Values, metric => Assert.True(metric.ContainsDiagnostics(each =>
            each.Severity == EvaluationDiagnosticSeverity.Warning && each.Message.Contains("could not see", StringComparison.Ordinal))));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await evaluator.EvaluateAsync("w1", " w2", cancellationToken: new(true)));
    }

    [Fact]
    public async Task A_model_with_a_chat_template_reads_the_conversation_in_that_form()
    {
        var tokenizer = ChatTemplateTests.Tokenizer(ChatTemplateTests.ChatMl);
        using var model = ChatTemplateTests.Model(tokenizer, contextLength: 128);
        var evaluator = new GptPerplexityEvaluator(model);
        var result = await evaluator.EvaluateAsync(Conversation, Response("So"), cancellationToken: Cancellation);

        int[] context = ChatFormat.Of(model.Tokenizer)!.Encode(Conversation, Cancellation);
        int[] answer = model.Tokenizer.Encode("So", SpecialTokens.Literal, Cancellation);
        var tokens = new TextScorer(model).ScoreTokens([.. context, .. answer], cancellationToken: Cancellation).Tokens;
        Assert.Equal(
            tokens.TakeLast(answer.Length).Sum(token => token.LogProbability),
            Value(result, GptPerplexityEvaluator.LogLikelihoodMetricName), 1e-9);
        Assert.Equal(
            context.Length.ToString(CultureInfo.InvariantCulture),
            result.Metrics[GptPerplexityEvaluator.PerplexityMetricName].Metadata!["conversation-tokens"]);
        await AssertRefused(evaluator, Response("So"), "'tool'", [new(ChatRole.Tool, "x")]);
    }

    private static async Task AssertRefused(
        GptPerplexityEvaluator evaluator, ChatResponse response, string reason, ChatMessage[]? conversation = null)
    {
        var result = await evaluator.EvaluateAsync(
            conversation ?? [new(ChatRole.User, "w1")], response, cancellationToken: Cancellation);
        Assert.Equal(3, result.Metrics.Count);
        Assert.All(result.Metrics.Values, metric =>
        {
            Assert.Null(((NumericMetric)metric).Value);
            Assert.True(metric.ContainsDiagnostics(each =>
                each.Severity == EvaluationDiagnosticSeverity.Error && each.Message.Contains(reason, StringComparison.Ordinal)));
        });
    }

    private static double Value(EvaluationResult result, string name) => result.Get<NumericMetric>(name).Value!.Value;

    private static ChatResponse Response(string text) => new(new ChatMessage(ChatRole.Assistant, text));

    private sealed class LengthEvaluator : IEvaluator
    {
        public IReadOnlyCollection<string> EvaluationMetricNames => ["Length"];

        public ValueTask<EvaluationResult> EvaluateAsync(
            IEnumerable<ChatMessage> messages, ChatResponse modelResponse, ChatConfiguration? chatConfiguration = null,
            IEnumerable<EvaluationContext>? additionalContext = null, CancellationToken cancellationToken = default) =>
            new(new EvaluationResult(new NumericMetric("Length", modelResponse.Text.Length)));
    }
}
