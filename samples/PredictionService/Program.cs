using MLNet.Gpt.Samples.PredictionService;

// A minimal API over a pipeline saved by ml.Model.Save. In the repository's folder, after samples/TrainSavePredict has
// written gpt.zip there: dotnet run -c Release --project samples/PredictionService -- --Pipeline gpt.zip --urls
// http://127.0.0.1:5080 curl http://127.0.0.1:5080/predict -H "Content-Type: application/json" -d '{"text":"Call me"}'
// ServiceLimits has the settings that limit what a request may cost, such as --MaxTokens 500.

var builder = WebApplication.CreateBuilder(args);
string? pipeline = builder.Configuration["Pipeline"];
if (!File.Exists(pipeline))
{
    await Console.Error.WriteLineAsync(
        $"--Pipeline is '{pipeline}', but there is no such file in {Environment.CurrentDirectory}. "
        + "Pass a file saved by ml.Model.Save: --Pipeline gpt.zip");
    return 2;
}

var limits = builder.Configuration.Get<ServiceLimits>() ?? new();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = limits.MaxBodyBytes);
builder.Services.AddProblemDetails();
builder.Services.AddSingleton(limits);
builder.Services.AddSingleton<PredictionEndpoint>();
builder.Services.AddPredictionPool<Document, Prediction>(pipeline);

var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.MapGet("/health", () => Results.Ok());
app.MapPost("/predict", (HttpContext context, PredictionEndpoint endpoint) => endpoint.PredictAsync(context));

app.Services.GetRequiredService<PredictionEndpoint>(); // reports errors in the file now instead of at the first request
await app.RunAsync();
return 0;
