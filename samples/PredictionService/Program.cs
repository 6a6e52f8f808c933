// A minimal API over a pipeline that ml.Model.Save wrote (samples/TrainSavePredict writes one):
//   dotnet run -c Release --project samples/PredictionService -- --Pipeline gpt.zip --urls http://127.0.0.1:5080
//   curl http://127.0.0.1:5080/predict -H "Content-Type: application/json" -d '{"text":"Call me"}'
using System.Threading.RateLimiting;
using MLNet.Gpt.Extensions;
using MLNet.Gpt.Samples.PredictionService;

const int LongestBody = 64 * 1024;
var builder = WebApplication.CreateBuilder(args);
string? pipeline = builder.Configuration["Pipeline"];
if (!File.Exists(pipeline))
{
    await Console.Error.WriteLineAsync($"--Pipeline names '{pipeline}', which is no file. Give the file that ml.Model.Save wrote: --Pipeline gpt.zip");
    return 2;
}

builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = LongestBody);
builder.Services.AddProblemDetails();
builder.Services.AddPredictionPool<Document, Prediction>(pipeline);

// As many predictions at once as the machine has cores; the others wait, and where too many wait they are told so at once (503), which a client can retry.
builder.Services.AddRateLimiter(limiter => limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
    context.Request.Path == "/health"
        ? RateLimitPartition.GetNoLimiter("health")
        : RateLimitPartition.GetConcurrencyLimiter(
            "predictions", _ => new() { PermitLimit = Environment.ProcessorCount, QueueLimit = 256, QueueProcessingOrder = QueueProcessingOrder.OldestFirst })));

var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.UseRateLimiter();

app.MapGet("/health", () => Results.Ok());
app.MapPost("/predict", (Document document, PredictionPool<Document, Prediction> pool) => string.IsNullOrWhiteSpace(document.Text)
    ? Results.Problem("'text' is empty; give at least a word to continue.", statusCode: StatusCodes.Status400BadRequest)
    : Results.Ok(pool.Predict(document)));

app.Services.GetRequiredService<PredictionPool<Document, Prediction>>(); // What is wrong with the file is said now and not at the first request.
await app.RunAsync();
return 0;
