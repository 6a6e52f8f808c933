using System.Globalization;
using System.Text.Json;
using System.Threading.RateLimiting;
using Microsoft.ML;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Samples.PredictionService;

/// <summary>
/// Answers a request in three stages, each with a time limit: read the body, wait for a turn, predict. Only the last
/// two hold resources that other requests wait for, so a slow client delays no one else. A request whose client has
/// disconnected is dropped at any stage.
/// </summary>
internal sealed class PredictionEndpoint(PredictionPool<Document, Prediction> pool, ServiceLimits limits) : IDisposable
{
    // At most one prediction per core at a time.
    private readonly ConcurrencyLimiter _turns = new(new()
    {
        PermitLimit = Environment.ProcessorCount,
        QueueLimit = limits.QueueLength,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    private readonly GptTransformer _transformer =
        (pool.Pipeline as IEnumerable<ITransformer> ?? [pool.Pipeline]).OfType<GptTransformer>().First();

    public async Task<IResult> PredictAsync(HttpContext context)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        IResult late = Problem(408, $"The body took longer than {Text(limits.BodySeconds)} seconds.");
        try
        {
            time.CancelAfter(TimeSpan.FromSeconds(limits.BodySeconds));
            if (!context.Request.HasJsonContentType())
            {
                return Problem(415, "The body must be JSON, with the header Content-Type: application/json.");
            }

            var document = await context.Request.ReadFromJsonAsync<Document>(time.Token);
            if (string.IsNullOrWhiteSpace(document?.Text)) return Problem(400, "'text' is empty; pass at least one word to continue.");
            int tokens = _transformer.Model.Tokenizer.Count(document.Text, _transformer.Options.Scoring.SpecialTokens);
            if (tokens > limits.MaxTokens) return Problem(413, $"'text' has {tokens} tokens; it may have at most {limits.MaxTokens}.");

            late = Problem(503, $"The request waited longer than {Text(limits.QueueSeconds)} seconds for its turn; try again later.");
            time.CancelAfter(TimeSpan.FromSeconds(limits.QueueSeconds));
            using var turn = await _turns.AcquireAsync(1, time.Token);
            if (!turn.IsAcquired) return Problem(503, $"{limits.QueueLength} requests are already waiting; try again later.");

            late = Problem(503, $"The prediction took longer than {Text(limits.PredictSeconds)} seconds; pass a shorter text.");
            time.CancelAfter(TimeSpan.FromSeconds(limits.PredictSeconds));
            return Results.Ok(pool.Predict(document, time.Token));
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return late;
        }
        catch (JsonException error)
        {
            return Problem(400, $"The body is not valid: {error.Message}");
        }
        catch (BadHttpRequestException error)
        {
            return Problem(error.StatusCode, error.Message);
        }
    }

    public void Dispose() => _turns.Dispose();

    private static IResult Problem(int status, string detail) => Results.Problem(detail, statusCode: status);

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
