using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using MLNet.Gpt.Data.Instructions;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Tasks;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Evaluates how likely a model finds a response, given the conversation: log-likelihood, perplexity and bits per byte, through
/// Microsoft.Extensions.AI.Evaluation. It runs offline and is deterministic; the chat configuration of a call is not used. Thread-safe.
/// </summary>
/// <remarks>
/// A model whose files have a chat template of a known family reads the conversation in that form, as <see cref="GptChatClient"/> does;
/// any other reads the text of the conversation, followed directly by that of the response. Only the tokens of the response are scored,
/// without the one that ends a turn. If the conversation is too long, its first tokens are dropped, and a warning says how many. A
/// response that cannot be scored has metrics without a value, with an error that says why.
/// </remarks>
public sealed class GptPerplexityEvaluator : IEvaluator
{
    /// <summary>The name of the metric exp(Σ −ln p / tokens of the response): lower is better.</summary>
    public const string PerplexityMetricName = "Perplexity";

    /// <summary>The name of the metric Σ ln p over the tokens of the response, in nats: higher is better.</summary>
    public const string LogLikelihoodMetricName = "Log-Likelihood";

    /// <summary>The name of the metric Σ −log₂ p / UTF-8 bytes of the response: comparable between tokenizers; lower is better.</summary>
    public const string BitsPerByteMetricName = "Bits per Byte";

    private static readonly (string Name, string Unit)[] Metrics =
    [
        (PerplexityMetricName, "per token"), (LogLikelihoodMetricName, "nats"), (BitsPerByteMetricName, "bits per UTF-8 byte"),
    ];

    private readonly GptModel _model;
    private readonly double? _maximumPerplexity;
    private readonly ChatFormat? _template;
    private readonly ContinuationScorer _scorer;

    /// <summary>Creates an evaluator with a model.</summary>
    /// <param name="model">The model. The caller disposes it, after the evaluator's last call.</param>
    /// <param name="maximumPerplexity">
    /// The perplexity above which a response fails, above 0; metrics are not interpreted if <see langword="null"/>.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The maximum is not above 0 and finite.</exception>
    /// <exception cref="NotSupportedException">The model's chat template is of no known family; the message names it.</exception>
    public GptPerplexityEvaluator(GptModel model, double? maximumPerplexity = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _maximumPerplexity = maximumPerplexity is { } maximum ? Check.Positive(maximum, nameof(maximumPerplexity)) : null;
        _template = ChatConversation.TemplateOf(model.Tokenizer);
        _scorer = new(model, new() { SpecialTokens = SpecialTokens.Literal });
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames { get; } = [.. Metrics.Select(metric => metric.Name)];

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    public async ValueTask<EvaluationResult> EvaluateAsync(
        IEnumerable<ChatMessage> messages, ChatResponse modelResponse, ChatConfiguration? chatConfiguration = null,
        IEnumerable<EvaluationContext>? additionalContext = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(modelResponse);
        ChatMessage[] conversation = [.. messages];
        try
        {
            return ResultOf(
                await Task.Run(() => Score(conversation, modelResponse, cancellationToken), cancellationToken).ConfigureAwait(false));
        }
        catch (Exception refused) when (refused is ArgumentException or NotSupportedException)
        {
            return ResultOf(refused);
        }
    }

    private ContinuationScore Score(ChatMessage[] conversation, ChatResponse response, CancellationToken cancellationToken)
    {
        string text = string.Concat(response.Messages.Select(GptChatClientOptions.TextOf));
        if (text.Length == 0) throw new ArgumentException("The response has no text.");
        if (_template is null) return _scorer.Score(GptChatClientOptions.JoinText(conversation), text, cancellationToken);

        int[] context = _template.Encode(conversation, cancellationToken);
        int[] ids = _model.Tokenizer.Encode(text, SpecialTokens.Literal, TextStart.AfterToken, cancellationToken);
        int longest = _model.Config.ContextLength;
        if (ids.Length > longest)
        {
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture, $"The response has {ids.Length} tokens; at most {longest} can be scored."));
        }

        int dropped = Math.Max(0, context.Length + ids.Length - longest - 1);
        var encoded = new EncodedContinuation([.. context.AsSpan(dropped), .. ids], context.Length - dropped, dropped);
        return new(_model.Tokenizer, encoded, ContinuationBatch.Score(_model, [encoded], cancellationToken)[0]);
    }

    private EvaluationResult ResultOf(ContinuationScore score)
    {
        double perplexity = score.Loss.Perplexity, bits = score.Loss.Sum / Math.Log(2);
        int bytes = score.Tokens.Sum(token => token.Piece.Bytes.Length);
        double[] values = [perplexity, score.LogLikelihood, bits / bytes];
        string reason = string.Create(
            CultureInfo.InvariantCulture,
            $"{Quantity.Of(score.TokenCount, "token", "N0")} of the response after {score.ContextTokenCount:N0} of the conversation: ")
            + (score.IsGreedy ? "each is the one that the model considers most probable." : "not the most probable ones.");
        var result = new EvaluationResult(Metrics.Zip(values, (metric, value) => NewMetric(metric, value, reason)));
        foreach (var metric in result.Metrics.Values)
        {
            metric.AddOrUpdateMetadata("tokens", score.TokenCount.ToString(CultureInfo.InvariantCulture));
            metric.AddOrUpdateMetadata("conversation-tokens", score.ContextTokenCount.ToString(CultureInfo.InvariantCulture));
            if (score.DroppedTokenCount == 0) continue;
            metric.AddDiagnostics(EvaluationDiagnostic.Warning(string.Create(
                CultureInfo.InvariantCulture,
                $"The model could not see the first {Quantity.Of(score.DroppedTokenCount, "token", "N0")} of the conversation.")));
        }

        if (_maximumPerplexity is { } maximum) result.Metrics[PerplexityMetricName].Interpretation = Interpret(perplexity, maximum);
        return result;
    }

    private static EvaluationResult ResultOf(Exception refused)
    {
        var result = new EvaluationResult(Metrics.Select(metric => NewMetric(metric, value: null, reason: null)));
        foreach (var metric in result.Metrics.Values) metric.AddDiagnostics(EvaluationDiagnostic.Error(refused.Message));
        return result;
    }

    private static NumericMetric NewMetric((string Name, string Unit) metric, double? value, string? reason)
    {
        var result = new NumericMetric(metric.Name, value, reason);
        result.AddOrUpdateMetadata("unit", metric.Unit);
        return result;
    }

    private static EvaluationMetricInterpretation Interpret(double perplexity, double maximum)
    {
        bool failed = !(perplexity <= maximum);
        string reason = string.Create(
            CultureInfo.InvariantCulture, $"The perplexity is {perplexity:F2}; at most {maximum:0.##} is accepted.");
        return new(failed ? EvaluationRating.Unacceptable : EvaluationRating.Good, failed, reason);
    }
}
